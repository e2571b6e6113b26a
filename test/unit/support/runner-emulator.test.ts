import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseCommand, runAction, type ActionOptions } from '../../support/runner-emulator.ts';

type Scripts = { readonly main: string; readonly pre?: string; readonly post?: string };

/** An action in a folder of its own; each script starts with `say`, `give` and `fs` at hand. */
function action(t: TestContext, scripts: string | Scripts, manifest: Record<string, unknown> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'action-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const runs: Record<string, string> = { using: 'node24' };
  for (const [stage, script] of Object.entries(typeof scripts === 'string' ? { main: scripts } : scripts)) {
    runs[stage] = `${stage}.mjs`;
    writeFileSync(join(folder, `${stage}.mjs`), `${PRELUDE}\n${script}`);
  }
  const { runs: more, ...rest } = manifest;
  // JSON is YAML.
  writeFileSync(
    join(folder, 'action.yml'),
    JSON.stringify({ ...rest, runs: { ...runs, ...(more as object | undefined) } }),
  );
  return folder;
}

const PRELUDE = `
import * as fs from 'node:fs';
const say = (...lines) => lines.forEach((line) => process.stdout.write(line + '\\n'));
const give = (name, text) => fs.appendFileSync(process.env['GITHUB_' + name], text);
`;

async function run(
  t: TestContext,
  scripts: string | Scripts,
  options: Omit<ActionOptions, 'actionFolder'> = {},
) {
  return runAction({ ...options, actionFolder: action(t, scripts) });
}

// --- Commands

const commands: readonly (readonly [line: string, expected: ReturnType<typeof parseCommand>])[] = [
  ['::error::boom', { name: 'error', properties: {}, data: 'boom' }],
  ['::ERROR::boom', { name: 'error', properties: {}, data: 'boom' }],
  ['\u00a0\u2003\u0085\t::error::boom', { name: 'error', properties: {}, data: 'boom' }],
  ['\ufeff::error::boom', undefined],
  ['x ::error::boom', undefined],
  ['::unheard-of::boom', undefined],
  ['::error', undefined],
  ['::error::a%0Ab%25%3A::c', { name: 'error', properties: {}, data: 'a\nb%%3A::c' }],
  [
    '::warning file=a%2Cb.yml, title=x=y%3A,line=3,empty=::m',
    { name: 'warning', properties: { file: 'a,b.yml', ' title': 'x=y:', line: '3' }, data: 'm' },
  ],
  ['the value is ##[error]boom', { name: 'error', properties: {}, data: 'boom' }],
  [
    '##[set-output name=a%3Bb;x=1]v%5D',
    { name: 'set-output', properties: { name: 'a;b', x: '1' }, data: 'v]' },
  ],
  ['::nothing:: but ##[debug]this', { name: 'debug', properties: {}, data: 'this' }],
  ['# #[error]boom', undefined],
  ['##[error', undefined],
  ['', undefined],
];
for (const [line, expected] of commands) {
  test(`the runner reads ${JSON.stringify(line)} as ${expected ? `the command ${expected.name}` : 'text'}`, () => {
    assert.deepEqual(parseCommand(line), expected);
  });
}

test('annotations keep their place, and leave a line in the log', async (t) => {
  const { annotations, log } = await run(
    t,
    `say('::error title=T,file=a.yml,line=2,endLine=2,col=4::one%0Atwo', '::notice::n');
     process.stderr.write('::warning file=' + process.cwd() + '/b.yml,line=1,endLine=9,col=3::w\\n');`,
  );
  const nowhere = { title: undefined, file: undefined, line: undefined, endLine: undefined, col: undefined };
  const byLevel = annotations.toSorted((a, b) => a.level.localeCompare(b.level));
  assert.deepEqual(byLevel, [
    { level: 'error', message: 'one\ntwo', title: 'T', file: 'a.yml', line: 2, endLine: 2, col: 4 },
    { ...nowhere, level: 'notice', message: 'n' },
    { ...nowhere, level: 'warning', message: 'w', file: 'b.yml', line: 1, endLine: 9 },
  ]);
  assert.deepEqual(log.split('\n').toSorted(), ['##[error]one', '##[notice]n', '##[warning]w', 'two']);
});

const places: readonly (readonly [given: string, place: readonly unknown[]])[] = [
  ['endLine=4', [4, 4, undefined]],
  ['line=4,endLine=3', [undefined, undefined, undefined]],
  ['col=2', [undefined, undefined, undefined]],
  ['line=4,col=2', [4, undefined, 2]],
  ['line=4,endLine=5,col=2', [4, 5, undefined]],
  ['line=x', [undefined, undefined, undefined]],
];
test('a place that makes no sense is mended or dropped', async (t) => {
  const lines = places.map(([given]) => `say('::error ${given}::m');`);
  const { annotations } = await run(t, lines.join('\n'));
  assert.deepEqual(
    annotations.map(({ line, endLine, col }) => [line, endLine, col]),
    places.map(([, place]) => place),
  );
});

test('ten annotations of a level are kept, and one without a message takes a place', async (t) => {
  const { annotations, droppedAnnotations, log } = await run(
    t,
    `for (let i = 0; i < 12; i += 1) say('::error::e' + i, '::notice::' + (i ? 'n' + i : ''));`,
  );
  assert.equal(annotations.filter(({ level }) => level === 'error').length, 10);
  assert.equal(annotations.filter(({ level }) => level === 'notice').length, 9);
  assert.deepEqual(droppedAnnotations, { error: 2, warning: 0, notice: 2 });
  assert.match(log, /##\[error\]e11/);
});

test('a message ends after 4096 characters', async (t) => {
  const { annotations } = await run(t, `say('::error::' + 'x'.repeat(5000))`);
  assert.equal(annotations[0]?.message.length, 4_096);
});

test('between stop-commands and its token nothing is a command', async (t) => {
  const { annotations, log, masks } = await run(
    t,
    `say('::stop-commands::T1', '::error::no', '##[add-mask]no', '::other::', '  ::t1::', '::error::yes')`,
  );
  assert.deepEqual(
    annotations.map(({ message }) => message),
    ['yes'],
  );
  assert.deepEqual(masks, []);
  assert.deepEqual(log.split('\n').slice(0, 5), [
    '::stop-commands::T1',
    '::error::no',
    '##[add-mask]no',
    '::other::',
    '  ::t1::',
  ]);
});

test('a stop token that is a command itself is refused', async (t) => {
  const { conclusion, annotations } = await run(t, `say('::stop-commands::error', '::error::still on')`);
  assert.equal(conclusion, 'failure');
  assert.equal(annotations.at(-1)?.message, 'still on');
});

test('set-env and add-path do nothing and fail the step; set-output and save-state still work', async (t) => {
  const { conclusion, annotations, outputs, state } = await run(
    t,
    `say('::set-env name=A::1', '::add-path::/x', '::set-output name=o::v', '::save-state name=s::w')`,
  );
  assert.equal(conclusion, 'failure');
  assert.deepEqual([outputs, state], [{ o: 'v' }, { s: 'w' }]);
  assert.deepEqual(
    annotations.map(({ level }) => level),
    ['error', 'error', 'error', 'error', 'warning', 'warning'],
  );
});

test('lines end at any line end, also in two pieces, and at the end of the output', async (t) => {
  const { log, stdoutRaw } = await run(
    t,
    `process.stdout.write('a\\rb\\r');
     setTimeout(() => { process.stdout.write('\\nc\\u00e9'); process.stdout.write('\\n\\n::debug::x\\nd'); }, 50);`,
  );
  assert.equal(log, 'a\nb\ncé\n\nd');
  assert.equal(stdoutRaw, 'a\rb\r\ncé\n\n::debug::x\nd');
});

// --- Secrets

test('a secret is masked from when it is known, in many forms, and in messages', async (t) => {
  const { log, masks, annotations } = await run(
    t,
    `say('hunter/2 before', '::add-mask::hunter/2', 'hunter/2hunter/2', 'hunter%2F2', '::error::hunter/2!');
     say(Buffer.from('hunter/2').toString('base64'), 'a given secret: s3cr3t', process.env.INPUT_TOKEN ?? '');`,
    { secrets: ['s3cr3t'] },
  );
  assert.equal(log, 'hunter/2 before\n***\n***\n##[error]***!\n***\na given secret: ***\n');
  assert.deepEqual(masks, ['hunter/2']);
  assert.equal(annotations[0]?.message, '***!');
});

test('each line of a secret is masked, and stretches that overlap become one', async (t) => {
  const { log } = await run(
    t,
    `say('::add-mask::alpha%0Abeta', 'x alpha y', '::add-mask::phabet', 'alphabeta', 'beta')`,
  );
  assert.equal(log, 'x *** y\n***\n***');
});

test('an output that holds a secret does not leave the job', async (t) => {
  const { outputs, log } = await run(t, `give('OUTPUT', 'a=postgres rules\\nb=fine\\n')`, {
    secrets: ['postgres'],
  });
  assert.deepEqual(outputs, { b: 'fine' });
  assert.match(log, /Skip output 'a' since it may contain secret/);
});

// --- File commands

test('outputs are lines, or end at a delimiter', async (t) => {
  const { outputs } = await run(
    t,
    `give('OUTPUT', 'plain=a=b<<c\\nlong<<END\\none\\n END\\ntwo\\nEND\\n\\nempty<<E\\nE\\nlast=x')`,
  );
  assert.deepEqual(outputs, { plain: 'a=b<<c', long: 'one\n END\ntwo', empty: '', last: 'x' });
});

for (const text of ['no separator', '<<END', 'a<<', 'a<<END\nnever ends']) {
  test(`an output file with ${JSON.stringify(text)} fails the step`, async (t) => {
    const { conclusion, exitCode, annotations } = await run(
      t,
      `give('OUTPUT', ${JSON.stringify(`${text}\n`)})`,
    );
    assert.deepEqual([conclusion, exitCode], ['failure', 0]);
    assert.match(annotations[0]?.message ?? '', /Unable to process file command 'output' successfully/);
  });
}

test('the summary is shown up to 1 MiB, masked, and not a byte over', async (t) => {
  const full = await run(t, `give('STEP_SUMMARY', '# s3cr3t\\n' + 'x'.repeat(1048567))`, {
    secrets: ['s3cr3t'],
  });
  assert.match(full.summary ?? '', /^# \*\*\*\nx{1048567}$/);
  const over = await run(t, `give('STEP_SUMMARY', 'x'.repeat(1048577))`);
  assert.equal(over.summary, undefined);
  assert.match(over.annotations[0]?.message ?? '', /supports content up to a size of 1024k/);
  assert.equal(over.conclusion, 'success');
});

// --- Inputs and stages

test('inputs get their names, their defaults, and a warning when unknown', async (t) => {
  const folder = action(t, `say(JSON.stringify(process.env))`, {
    inputs: {
      'database-url': { required: true },
      'two words': { default: true },
      token: { default: '${{ github.token }}' },
      old: { deprecationMessage: 'gone' },
      bare: null,
    },
  });
  const inputs = { 'Database-URL': 'x', 'data-base': 'y', old: 'z' };
  const { stdoutRaw, annotations } = await runAction({ actionFolder: folder, inputs, token: 'ghs_1' });
  const seen = Object.entries(JSON.parse(stdoutRaw) as Record<string, string>).filter(([name]) =>
    name.startsWith('INPUT_'),
  );
  assert.deepEqual(Object.fromEntries(seen), {
    'INPUT_DATABASE-URL': 'x',
    'INPUT_DATA-BASE': 'y',
    INPUT_TWO_WORDS: 'true',
    INPUT_TOKEN: 'ghs_1',
    INPUT_OLD: 'z',
    INPUT_BARE: '',
  });
  assert.deepEqual(
    annotations.map(({ level, message }) => [level, message]),
    [
      ['warning', "Input 'old' has been deprecated with message: gone"],
      [
        'warning',
        "Unexpected input(s) 'data-base', valid inputs are ['database-url', 'two words', 'token', 'old', 'bare']",
      ],
    ],
  );
});

test('pre, main and post share state, environment and path, and post runs after a failure', async (t) => {
  const { exitCode, conclusion, log, state, outputs } = await run(t, {
    pre: `give('STATE', 'id=7\\n'); give('ENV', 'COLOR=red\\nNODE_OPTIONS=--bad\\n'); give('PATH', '/first\\n/second\\n');`,
    main: `say(process.env.STATE_id, process.env.COLOR, process.env.PATH.split(':').slice(0, 2).join());
           give('OUTPUT', 'a=1\\n'); process.exitCode = 3;`,
    post: `say('post sees ' + process.env.STATE_id); process.exitCode = 4;`,
  });
  assert.deepEqual([exitCode, conclusion], [3, 'failure']);
  assert.match(log, /^7\nred\n\/second,\/first\npost sees 7$/m);
  assert.match(log, /Can't store NODE_OPTIONS/);
  assert.deepEqual([state, outputs], [{ id: '7' }, { a: '1' }]);
});

test('main does not run after a pre that failed, and post-if is heeded', async (t) => {
  const scripts = { pre: 'process.exit(5)', main: `say('main')`, post: `say('post')` };
  const folder = action(t, scripts, { runs: { 'post-if': '${{ success() }}' } });
  const { exitCode, conclusion, log } = await runAction({ actionFolder: folder });
  assert.deepEqual([exitCode, conclusion, log], [5, 'failure', '']);
});

test('the event, the checkout and what the action leaves behind are files', async (t) => {
  const { log, files, read } = await run(
    t,
    `const event = JSON.parse(fs.readFileSync(process.env.GITHUB_EVENT_PATH, 'utf8'));
     say(event.number, process.env.GITHUB_EVENT_NAME, fs.readFileSync('rules/a.yml', 'utf8'));
     fs.writeFileSync('out.json', '{}');
     fs.writeFileSync(process.env.RUNNER_TEMP + '/t.txt', 'temp');`,
    { event: { name: 'pull_request', payload: { number: 9 } }, files: { 'rules/a.yml': 'version: 1' } },
  );
  assert.equal(log, '9\npull_request\nversion: 1');
  assert.deepEqual([read('out.json'), read('./rules/a.yml'), read('none')], ['{}', 'version: 1', undefined]);
  assert.ok([...files].some(([path, text]) => path.endsWith('/t.txt') && text === 'temp'));
});

test("the environment is the runner's and not the test's", async (t) => {
  process.env.PGHOST = 'leak';
  t.after(() => delete process.env.PGHOST);
  const script = `say([process.env.PGHOST, process.env.GITHUB_TOKEN, process.env.A, process.env.GITHUB_API_URL].join())`;
  const { log } = await run(t, script, { env: { A: '1', GITHUB_API_URL: 'http://127.0.0.1:1' } });
  assert.equal(log, ',,1,http://127.0.0.1:1');
});

// --- Cancelling

/** Whether a process ends within a second; one that waits to be buried counts as ended. */
async function isGone(pid: string): Promise<boolean> {
  for (let tries = 0; tries < 20; tries += 1) {
    const state = spawnSync('ps', ['-o', 'stat=', '-p', pid], { encoding: 'utf8' }).stdout.trim();
    if (state === '' || state.startsWith('Z')) return true;
    await sleep(50);
  }
  return false;
}

const patience = { interruptMs: 300, terminateMs: 200 };

test('a process that heeds SIGINT keeps its outputs and its summary', async (t) => {
  const run1 = await run(
    t,
    {
      main: `process.on('SIGINT', () => { give('OUTPUT', 'state=cancelled\\n'); give('STEP_SUMMARY', 'half'); process.exit(130); });
             setInterval(() => {}, 1000); say('ready');`,
      post: `say('post')`,
    },
    { signalAfter: /ready/, patience },
  );
  assert.deepEqual([run1.exitCode, run1.conclusion, run1.signals], [130, 'cancelled', ['SIGINT']]);
  assert.deepEqual([run1.outputs, run1.summary, run1.log], [{ state: 'cancelled' }, 'half', 'ready\npost']);
});

test('SIGTERM follows, and then SIGKILL, for the whole tree', async (t) => {
  const { exitCode, signals, log } = await run(
    t,
    `import { spawn } from 'node:child_process';
     const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' });
     for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => say(signal));
     setInterval(() => {}, 1000); say(child.pid);`,
    { signalAfter: /\d\n/, patience },
  );
  assert.deepEqual([exitCode, signals], [137, ['SIGINT', 'SIGTERM', 'SIGKILL']]);
  const [pid, ...heard] = log.split('\n');
  assert.deepEqual(heard, ['SIGINT', 'SIGTERM']);
  assert.ok(await isGone(pid ?? ''));
});

test('a process without a handler ends at SIGINT, some time after its start', async (t) => {
  const { exitCode, signals } = await run(t, 'setInterval(() => {}, 1000)', { signalAfter: 200, patience });
  assert.deepEqual([exitCode, signals], [130, ['SIGINT']]);
});

test('an action that never ends is killed, and the run rejects', async (t) => {
  await assert.rejects(
    run(t, 'setInterval(() => {}, 1000)', { timeoutMs: 300 }),
    /still running after 300 ms/,
  );
});
