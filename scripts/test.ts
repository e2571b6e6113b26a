// npm test [-- <part of a path>... --test-name-pattern=<pattern>]: every test that needs no more than `npm ci`.
import { parseArgs } from 'node:util';
import { glob } from 'tinyglobby';
import { startEmbeddedPostgres } from '../src/postgres/embedded.ts';
import { renderCounts } from './counts.ts';
import { ROOT } from './root.ts';
import { runTests } from './run-tests.ts';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { 'test-name-pattern': { type: 'string', multiple: true } },
});
const all = await glob('test/**/*.test.ts', { cwd: ROOT, ignore: 'test/**/*.extra.test.ts' });
const files = all
  .sort()
  .filter((file) => positionals.length === 0 || positionals.some((part) => file.includes(part)));

if (files.length === 0) {
  process.stderr.write(
    `No test file's path has ${positionals.map((part) => `'${part}'`).join(' or ')} in it.\n`,
  );
  process.exitCode = 1;
} else {
  const server = await startEmbeddedPostgres({ settings: { max_connections: 200 } });
  try {
    const patterns = values['test-name-pattern']?.map((pattern) => `--test-name-pattern=${pattern}`) ?? [];
    const { exitCode, counts } = await runTests(files, { ROWGATE_TEST_SERVER_URL: server.url }, patterns);
    process.stdout.write(`\n${renderCounts(counts)}`);
    process.exitCode = exitCode;
  } finally {
    await server.stop();
  }
}
