// npm run test:mutants [-- <part of a path or a guard>...]: takes each guard of test/mutants/guards.ts away in a copy of the sources and sees its test fail.
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { startEmbeddedPostgres } from '../src/postgres/embedded.ts';
import type { Guard } from '../test/mutants/guard.ts';
import { guards as allGuards } from '../test/mutants/guards.ts';
import { renderCounts } from './counts.ts';
import { ROOT } from './root.ts';

const run = promisify(execFile);

/** What the tests named need; the packages are linked. */
const PARTS = ['src', 'test', 'rules', 'schema', 'package.json', 'tsconfig.json'];

/** Copies side by side, one for each core of the smallest machine that this is run on. */
const COPIES = 2;

async function makeCopy(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rowgate-mutants-'));
  for (const part of PARTS) await cp(join(ROOT, part), join(folder, part), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

/** Whether the guard's test passes on the sources as they are in the folder; a test that is not found is an error. */
async function passes({ file, title }: Guard['test'], folder: string, serverUrl: string): Promise<boolean> {
  const pattern = `^${title.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`;
  const args = ['--import', 'tsx', '--test', '--test-reporter=tap', `--test-name-pattern=${pattern}`, file];
  const env = { ...process.env, ROWGATE_TEST_SERVER_URL: serverUrl };
  const options = { cwd: folder, env, timeout: 120_000, maxBuffer: 64 * 1024 * 1024 };
  try {
    const { stdout } = await run(process.execPath, args, options);
    if (!/^# pass [1-9]/m.test(stdout)) throw new TypeError(`no test '${title}' ran in ${file}`);
    return true;
  } catch (error) {
    if (error instanceof TypeError) throw error;
    return false;
  }
}

async function isCaught(guard: Guard, folder: string, serverUrl: string): Promise<boolean> {
  const path = join(folder, guard.file);
  const source = await readFile(path, 'utf8');
  const places = source.split(guard.find).length - 1;
  if (places !== 1) throw new TypeError(`'${guard.find}' stands ${places} times in ${guard.file}, not once`);
  await writeFile(
    path,
    source.replace(guard.find, () => guard.replace),
  );
  try {
    return !(await passes(guard.test, folder, serverUrl));
  } finally {
    await writeFile(path, source);
  }
}

/** By file and title, whether a test passes with every guard in place: many guards have one test. */
const passing = new Map<string, Promise<boolean>>();

function passesGuarded(test: Guard['test'], folder: string, serverUrl: string): Promise<boolean> {
  const key = `${test.file} ${test.title}`;
  const known = passing.get(key) ?? passes(test, folder, serverUrl);
  passing.set(key, known);
  return known;
}

/** Why a guard counts as not caught; undefined when it is. */
async function tryGuard(guard: Guard, folder: string, serverUrl: string): Promise<string | undefined> {
  try {
    if (!(await passesGuarded(guard.test, folder, serverUrl)))
      return 'its test fails with the guard in place';
    return (await isCaught(guard, folder, serverUrl)) ? undefined : 'its test passes without it';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const { positionals: parts } = parseArgs({ allowPositionals: true });
const isAsked = ({ guard, file }: Guard): boolean =>
  parts.length === 0 || parts.some((part) => file.includes(part) || guard.includes(part));
const guards = allGuards.filter(isAsked);

const server = await startEmbeddedPostgres({ settings: { max_connections: 200 } });
const folders = await Promise.all(Array.from({ length: COPIES }, makeCopy));
const queue = [...guards];
let caught = 0;
try {
  await Promise.all(
    folders.map(async (folder) => {
      for (let guard = queue.shift(); guard; guard = queue.shift()) {
        const why = await tryGuard(guard, folder, server.url);
        if (why === undefined) caught += 1;
        process.stdout.write(
          `${why === undefined ? 'ok' : 'not ok'} - ${guard.guard}${why ? `: ${why}` : ''}\n`,
        );
      }
    }),
  );
} finally {
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true })));
  await server.stop();
}
const missed = guards.length - caught;
process.stdout.write(
  `\n${renderCounts([{ what: 'guards removed', tried: guards.length, right: caught, end: 'caught' }])}${caught} passed, ${missed} failed\n`,
);
process.exitCode = missed === 0 ? 0 : 1;
