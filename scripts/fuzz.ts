// npm run fuzz [-- seed]: the random tests again, 20 times as often and from another seed each time; ROWGATE_FUZZ_RUNS is how often.
import { randomInt } from 'node:crypto';
import { glob } from 'tinyglobby';
import { startEmbeddedPostgres } from '../src/postgres/embedded.ts';
import { ROOT } from './root.ts';
import { runTests } from './run-tests.ts';

const seed = process.argv[2] ?? String(randomInt(2 ** 31));
const factor = process.env['ROWGATE_FUZZ_RUNS'] ?? '20';
const files = await glob('test/trust/fuzz-*.test.ts', { cwd: ROOT });
const server = await startEmbeddedPostgres({ settings: { max_connections: 200 } });
process.stdout.write(`seed ${seed}, ${factor} times as often: npm run fuzz -- ${seed} does the same again\n`);
try {
  const environment = {
    ROWGATE_TEST_SERVER_URL: server.url,
    ROWGATE_FUZZ_RUNS: factor,
    ROWGATE_FUZZ_SEED: seed,
  };
  const { exitCode } = await runTests(files.sort(), environment, ['--test-timeout=3600000']);
  process.exitCode = exitCode;
} finally {
  await server.stop();
}
