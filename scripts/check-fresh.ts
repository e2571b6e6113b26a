// npm run check:fresh: is everything that is made from something else as it would be made now?
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildDist } from './build.ts';
import { generateFiles } from './generate.ts';
import { ROOT } from './root.ts';

/** Paths that are not as `made` has them, in order. */
async function findStale(made: ReadonlyMap<string, string | Uint8Array>): Promise<string[]> {
  const isStale = async ([path, content]: readonly [string, string | Uint8Array]) => {
    const present = await readFile(join(ROOT, path)).catch(() => undefined);
    return present !== undefined && present.equals(Buffer.from(content)) ? [] : [path];
  };
  return (await Promise.all([...made].map(isStale))).flat().sort();
}

/** Files of dist/ that the build would not make. */
async function findLeftovers(made: ReadonlyMap<string, unknown>): Promise<string[]> {
  const present = await readdir(join(ROOT, 'dist')).catch(() => []);
  return present.map((name) => `dist/${name}`).filter((path) => !made.has(path));
}

const dist = await buildDist();
const staleDist = [...(await findStale(dist)), ...(await findLeftovers(dist))];
const staleGenerated = await findStale(await generateFiles());

for (const [paths, command] of [
  [staleGenerated, 'npm run generate'],
  [staleDist, 'npm run build'],
] as const) {
  if (paths.length === 0) continue;
  process.stderr.write(
    `Stale, run '${command}' and commit what changes:\n${paths.map((path) => `  ${path}\n`).join('')}`,
  );
  process.exitCode = 1;
}
