// npm run build: what action.yml runs and npm ships, in dist/.
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { build, type Metafile } from 'esbuild';
import { listLicenses } from './list-licenses.ts';
import { ROOT } from './root.ts';

/** CommonJS packages in the bundle ask for Node's own modules by `require`, which an ES module does not have. */
const BANNER = `import { createRequire as __createRequire } from 'node:module';
const require = __createRequire(import.meta.url);`;

/** The program's files, by their path from the root. */
const ENTRIES = {
  index: 'src/action.ts',
  post: 'src/action-post.ts',
  publish: 'src/publish-action.ts',
  cli: 'src/cli.ts',
  'postgres-worker': 'src/postgres/drivers/postgres-worker.ts',
};

/**
 * Makes every file of dist/ in memory, by its path from the root. The same sources and packages give the same
 * bytes, in whatever folder they are.
 */
export async function buildDist(
  entries: Readonly<Record<string, string>> = ENTRIES,
): Promise<Map<string, Uint8Array>> {
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  const { outputFiles, metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: { ...entries },
    outdir: 'dist',
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    charset: 'utf8',
    legalComments: 'linked',
    // Names stay, so that the trace of an error can be read.
    minifyWhitespace: true,
    external: ['pg-native'],
    loader: { '.sql': 'text' },
    banner: { js: BANNER },
    define: {
      ROWGATE_VERSION: JSON.stringify(version),
      __dirname: 'import.meta.dirname',
      __filename: 'import.meta.filename',
      // Node 20 has none, and there pg finds out where it runs by a Response, for which Node loads its whole fetch.
      navigator: JSON.stringify({ userAgent: 'Node.js' }),
    },
  });
  const files = new Map(
    outputFiles.map((file) => [relative(ROOT, file.path), withShebang(file.path, file.contents)]),
  );
  // libpg-query reads its grammar from beside the file that it is bundled into.
  files.set(
    'dist/libpg-query.wasm',
    await readFile(join(ROOT, 'node_modules/libpg-query/wasm/libpg-query.wasm')),
  );
  files.set('dist/LICENSES.txt', Buffer.from(await listLicenses(bundledPackages(metafile))));
  return files;
}

function withShebang(path: string, contents: Uint8Array): Uint8Array {
  const shebang = '#!/usr/bin/env node\n';
  if (!path.endsWith('cli.js') || Buffer.from(contents.subarray(0, 2)).toString() === '#!') return contents;
  return Buffer.concat([Buffer.from(shebang), contents]);
}

/** Folders of the packages of which something is in the bundle, from the root. */
function bundledPackages(metafile: Metafile): string[] {
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.entries(output.inputs));
  const used = inputs.filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([path]) => path);
  const folders = used.map((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0]);
  return [...new Set(folders.filter((folder) => folder !== undefined))].sort();
}

if (process.argv[1] === import.meta.filename) {
  const files = await buildDist();
  await rm(join(ROOT, 'dist'), { recursive: true, force: true });
  await mkdir(join(ROOT, 'dist'));
  for (const [path, contents] of files) {
    await writeFile(join(ROOT, path), contents, { mode: path === 'dist/cli.js' ? 0o755 : 0o644 });
    process.stdout.write(`${path}  ${Math.ceil(contents.length / 1024)} KiB\n`);
  }
}
