// Long, and whole: what the runner does with one step, from action.yml to the job's outputs. Learned from the
// source of actions/runner (ActionCommand, ActionCommandManager, ExecutionContext, FileCommandManager,
// ProcessInvoker, ValueEncoders), as of 2026.
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import {
  MAX_ANNOTATION_MESSAGE_LENGTH,
  MAX_ANNOTATIONS_PER_LEVEL,
  MAX_SUMMARY_BYTES,
} from '../../src/github/limits.ts';

type Level = 'error' | 'warning' | 'notice';

/** An annotation as it reaches GitHub: `file` from the workspace, lines and columns as numbers. */
type RunAnnotation = {
  readonly level: Level;
  readonly title: string | undefined;
  readonly message: string;
  readonly file: string | undefined;
  readonly line: number | undefined;
  readonly endLine: number | undefined;
  readonly col: number | undefined;
};

export type ActionOptions = {
  /** The folder with action.yml; its scripts run from there, with the workspace as working directory. */
  readonly actionFolder: string;
  /** The step's `with`. */
  readonly inputs?: Readonly<Record<string, string>>;
  /** The step's `env`; unlike on GitHub it may replace a GITHUB_* variable, such as GITHUB_API_URL. */
  readonly env?: Readonly<Record<string, string>>;
  readonly event?: { readonly name: string; readonly payload: unknown };
  /** Files of the checkout, by their path in the workspace. */
  readonly files?: Readonly<Record<string, string>>;
  /** `secrets.*` of the workflow, masked from the start. */
  readonly secrets?: readonly string[];
  /** What `github.token` is. */
  readonly token?: string;
  /** The node binary: else the environment's ROWGATE_NODE24, else the one that runs the test. */
  readonly node?: string;
  /** Cancels the job: so many ms after main started, or as soon as main's output has this. */
  readonly signalAfter?: number | RegExp;
  /** What a cancelled process gets: ms from SIGINT to SIGTERM, and from there to SIGKILL of its whole group. */
  readonly patience?: { readonly interruptMs: number; readonly terminateMs: number };
  /** An action that takes longer is killed, and the run rejects. */
  readonly timeoutMs?: number;
};

export type ActionRun = {
  /** Of main, or of a pre that failed so that main never ran; 128 and the signal's number for a killed process. */
  readonly exitCode: number;
  readonly conclusion: 'success' | 'failure' | 'cancelled';
  readonly annotations: readonly RunAnnotation[];
  readonly droppedAnnotations: Readonly<Record<Level, number>>;
  /** As another job would get them: without those that hold a secret. */
  readonly outputs: Readonly<Record<string, string>>;
  /** Undefined when a step's summary was over 1 MiB, which GitHub does not show; '' when there is none. */
  readonly summary: string | undefined;
  /** As shown: commands obeyed and gone, secrets masked. */
  readonly log: string;
  readonly stdoutRaw: string;
  readonly stderrRaw: string;
  /** The secrets that the action itself added. */
  readonly masks: readonly string[];
  readonly signals: readonly NodeJS.Signals[];
  readonly state: Readonly<Record<string, string>>;
  /** Texts of all files in the workspace and in RUNNER_TEMP at the end, by absolute path. */
  readonly files: ReadonlyMap<string, string>;
  /** A file's text at the end, by absolute path, or by its path in the workspace. */
  read(path: string): string | undefined;
};

/** runner: ProcessInvoker.cs, `_sigintTimeout`, `_sigtermTimeout`, and the wait for streams after the exit. */
const PATIENCE = { interruptMs: 7_500, terminateMs: 2_500 };
const ORPHANS_MS = 5_000;
const DEFAULT_TOKEN = 'ghs_EmulatedToken0123456789';

/** Runs a JavaScript action's pre, main and post as a step of a job of its own, and tells what came of it. */
export async function runAction(options: ActionOptions): Promise<ActionRun> {
  const root = mkdtempSync(join(realpathSync(tmpdir()), 'runner-'));
  const job = newJob(root, options);
  try {
    const exitCode = await runStages(job, options);
    return conclude(job, exitCode);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

type Stage = 'pre' | 'main' | 'post';

type Job = {
  readonly workspace: string;
  readonly temp: string;
  readonly commandFiles: string;
  readonly github: Readonly<Record<string, string>>;
  readonly secrets: string[];
  readonly masks: string[];
  readonly env: Record<string, string>;
  readonly path: string[];
  readonly state: Record<string, string>;
  readonly outputs: Record<string, string>;
  readonly annotations: RunAnnotation[];
  readonly droppedAnnotations: Record<Level, number>;
  readonly log: string[];
  readonly summaries: (string | undefined)[];
  readonly signals: NodeJS.Signals[];
  stdoutRaw: string;
  stderrRaw: string;
  status: ActionRun['conclusion'];
};

function newJob(
  root: string,
  { event, files = {}, secrets = [], token = DEFAULT_TOKEN }: ActionOptions,
): Job {
  const workspace = join(root, 'work', 'shop', 'shop');
  const temp = join(root, 'work', '_temp');
  const commandFiles = join(root, 'commands');
  const eventPath = join(root, 'event.json');
  for (const folder of [workspace, temp, commandFiles]) mkdirSync(folder, { recursive: true });
  writeFileSync(eventPath, JSON.stringify(event?.payload ?? {}));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(workspace, path)), { recursive: true });
    writeFileSync(join(workspace, path), text);
  }
  const github = {
    token,
    workspace,
    event_path: eventPath,
    event_name: event?.name ?? 'push',
    repository: 'acme/shop',
    sha: 'f'.repeat(40),
    ref: 'refs/heads/main',
    actor: 'octocat',
    run_id: '4711',
    run_attempt: '1',
    server_url: 'https://github.com',
    api_url: 'https://api.github.com',
  };
  return {
    workspace,
    temp,
    commandFiles,
    github,
    secrets: [...secrets, token],
    masks: [],
    env: {},
    path: [],
    state: {},
    outputs: {},
    annotations: [],
    droppedAnnotations: { error: 0, warning: 0, notice: 0 },
    log: [],
    summaries: [],
    signals: [],
    stdoutRaw: '',
    stderrRaw: '',
    status: 'success',
  };
}

function conclude(job: Job, exitCode: number): ActionRun {
  const outputs = Object.entries(job.outputs).filter(([name, value]) => {
    const isSafe = masked(job, value) === value;
    if (!isSafe) print(job, `##[warning]Skip output '${name}' since it may contain secret.`);
    return isSafe;
  });
  const files = new Map([...textsUnder(job.workspace), ...textsUnder(job.temp)]);
  return {
    ...job,
    exitCode,
    conclusion: job.status,
    outputs: Object.fromEntries(outputs),
    summary: job.summaries.includes(undefined) ? undefined : job.summaries.join(''),
    log: job.log.join('\n'),
    files,
    read: (path) => files.get(resolve(job.workspace, path)),
  };
}

function textsUnder(folder: string): [path: string, text: string][] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => [path, readFileSync(path, 'utf8')]);
}

// --- The action and its stages

type Manifest = {
  readonly inputs?: Readonly<Record<string, { default?: unknown; deprecationMessage?: string } | null>>;
  readonly runs: { readonly using: string; readonly main: string } & Readonly<
    Record<string, string | undefined>
  >;
};

async function runStages(job: Job, options: ActionOptions): Promise<number> {
  const manifest = parse(readFileSync(join(options.actionFolder, 'action.yml'), 'utf8')) as Manifest;
  if (!manifest.runs.using.startsWith('node'))
    throw new Error(`no JavaScript action: ${manifest.runs.using}`);
  let exitCode = 0;
  for (const stage of ['pre', 'main', 'post'] as const) {
    const condition = manifest.runs[`${stage}-if`] ?? (stage === 'main' ? 'success()' : 'always()');
    if (manifest.runs[stage] === undefined || !holds(condition, job.status)) continue;
    const code = await runStage(job, options, manifest, stage);
    if (stage !== 'post') exitCode ||= code;
  }
  return exitCode;
}

function holds(condition: string, status: Job['status']): boolean {
  const [, not, name] =
    /^(?:\$\{\{)?\s*(!?)(always|success|failure|cancelled)\(\)\s*(?:\}\})?$/.exec(condition) ?? [];
  if (name === undefined) throw new Error(`the emulator does not know the condition ${condition}`);
  return (name === 'always' || name === status) !== (not === '!');
}

async function runStage(job: Job, options: ActionOptions, manifest: Manifest, stage: Stage): Promise<number> {
  const step: Step = {
    job,
    counts: { error: 0, warning: 0, notice: 0 },
    known: new Set(COMMAND_NAMES),
    failed: false,
  };
  const inputs = stepInputs(step, manifest, options);
  const fileCommands = newFileCommands(job);
  const { PATH = '', HOME = job.temp } = { ...process.env, ...options.env };
  const env = {
    HOME,
    CI: 'true',
    GITHUB_ACTIONS: 'true',
    RUNNER_OS: 'Linux',
    RUNNER_TEMP: job.temp,
    ...environment('GITHUB_', { ...job.github, token: undefined }),
    ...options.env,
    ...job.env,
    ...environment('INPUT_', inputs),
    ...Object.fromEntries(Object.entries(job.state).map(([name, value]) => [`STATE_${name}`, value])),
    ...environment('GITHUB_', fileCommands),
    PATH: [...job.path.toReversed(), PATH].join(delimiter),
  };
  const script = join(options.actionFolder, manifest.runs[stage] ?? '');
  const { exitCode, cancelled } = await runNode(step, script, env, options, stage === 'main');
  readFileCommands(step, fileCommands);
  if (cancelled) job.status = 'cancelled';
  else if ((exitCode !== 0 || step.failed) && job.status === 'success') job.status = 'failure';
  return exitCode;
}

/** The inputs with action.yml's defaults; every input that it declares is there, if only as ''. */
function stepInputs(step: Step, { inputs: declared = {} }: Manifest, { inputs: given = {} }: ActionOptions) {
  const { github } = step.job;
  const known = new Set(Object.keys(declared).map((name) => name.toLowerCase()));
  const inputs: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    inputs[name.toLowerCase()] = value;
    const { deprecationMessage } = declared[name] ?? {};
    if (deprecationMessage)
      issue(step, 'warning', `Input '${name}' has been deprecated with message: ${deprecationMessage}`);
  }
  const unexpected = Object.keys(inputs).filter((name) => !known.has(name));
  for (const [name, input] of Object.entries(declared))
    inputs[name.toLowerCase()] ??= evaluated(input?.default, github);
  if (unexpected.length > 0) {
    const list = (names: readonly string[]) => `'${names.join("', '")}'`;
    const valid = list(Object.keys(declared));
    issue(step, 'warning', `Unexpected input(s) ${list(unexpected)}, valid inputs are [${valid}]`);
  }
  return inputs;
}

function evaluated(value: unknown, github: Job['github']): string {
  return String(value ?? '').replace(/\$\{\{\s*(.*?)\s*\}\}/g, (_, expression: string) => {
    const name = /^github\.(\w+)$/.exec(expression)?.[1];
    if (name === undefined) throw new Error(`the emulator does not evaluate ${expression}`);
    return github[name] ?? '';
  });
}

function environment(
  prefix: string,
  values: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const set = Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(
    set.map(([name, value]) => [prefix + name.replaceAll(' ', '_').toUpperCase(), value]),
  );
}

// --- The process

type Process = {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  readonly exitCode: Promise<number>;
  isOver: boolean;
  killTree(): void;
};

async function runNode(
  step: Step,
  script: string,
  env: NodeJS.ProcessEnv,
  options: ActionOptions,
  isMain: boolean,
) {
  const { signalAfter, patience = PATIENCE, timeoutMs = 120_000 } = options;
  const { job } = step;
  const node = options.node ?? process.env.ROWGATE_NODE24 ?? process.execPath;
  const running = start(node, script, env, job.workspace);
  let cancelled = false;
  const cancel = () => {
    if (!isMain || cancelled) return;
    cancelled = true;
    void climbLadder(job, running, patience);
  };
  const readers = (['stdout', 'stderr'] as const).map((stream) => {
    const reader = lineReader((line) => receive(step, line));
    running.child[stream].on('data', (chunk: Buffer) => {
      job[`${stream}Raw`] += reader.push(chunk);
      if (signalAfter instanceof RegExp && signalAfter.test(job[`${stream}Raw`])) cancel();
    });
    return reader;
  });
  const timers = [setTimeout(running.killTree, timeoutMs).unref()];
  if (typeof signalAfter === 'number') timers.push(setTimeout(cancel, signalAfter).unref());
  const startMs = performance.now();
  const exitCode = await running.exitCode;
  for (const timer of timers) clearTimeout(timer);
  for (const reader of readers) reader.end();
  if (performance.now() - startMs >= timeoutMs)
    throw new Error(`still running after ${timeoutMs} ms: ${script}`);
  return { exitCode, cancelled };
}

/** Starts a script as the leader of a process group of its own, so that what it starts can be killed with it. */
function start(node: string, script: string, env: NodeJS.ProcessEnv, cwd: string): Process {
  const child = spawn(node, [script], { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const killTree = () => {
    if (child.pid !== undefined) kill(-child.pid);
    child.stdout.destroy();
    child.stderr.destroy();
  };
  const exitCode = new Promise<number>((done, fail) => {
    child.once('error', fail);
    child.once('close', (code, signal) => done(code ?? 128 + constants.signals[signal ?? 'SIGKILL']));
  });
  const running = { child, exitCode, isOver: false, killTree };
  child.once('close', () => {
    running.isOver = true;
    process.off('exit', killTree);
  });
  // A process that the action left behind keeps the output open, but not for ever.
  child.once('exit', () => setTimeout(() => running.isOver || killTree(), ORPHANS_MS).unref());
  process.once('exit', killTree);
  return running;
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It is gone already.
  }
}

async function climbLadder(job: Job, running: Process, patience: typeof PATIENCE): Promise<void> {
  const rungs = [
    ['SIGINT', patience.interruptMs],
    ['SIGTERM', patience.terminateMs],
  ] as const;
  for (const [signal, waitMs] of rungs) {
    job.signals.push(signal);
    running.child.kill(signal);
    await Promise.race([running.exitCode, sleep(waitMs, undefined, { ref: false })]);
    if (running.isOver) return;
  }
  job.signals.push('SIGKILL');
  running.killTree();
}

/** Cuts a stream into lines as .NET does, at \n, \r and \r\n. */
function lineReader(take: (line: string) => void) {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  return {
    push(chunk: Buffer): string {
      const text = decoder.write(chunk);
      // A \r at the end may be half of a \r\n.
      const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop() ?? '';
      for (const line of lines) take(line);
      return text;
    },
    end(): void {
      if (rest !== '') take(rest.replace(/\r$/, ''));
    },
  };
}

// --- Workflow commands

type Step = {
  readonly job: Job;
  readonly counts: Record<Level, number>;
  /** Names of commands in lower case; while commands are stopped, the token that resumes them too. */
  readonly known: Set<string>;
  stopToken?: string | undefined;
  failed: boolean;
};

/** One workflow command; `properties` and `data` without their escapes. */
type Command = {
  readonly name: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly data: string;
};

const DOTNET_WHITE_SPACE = String.raw`[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]`;
const LEADING_WHITE_SPACE = new RegExp(`^${DOTNET_WHITE_SPACE}+`);
const OUTER_WHITE_SPACE = new RegExp(`^${DOTNET_WHITE_SPACE}+|${DOTNET_WHITE_SPACE}+$`, 'g');

/** The command that a line of output is, by either syntax; undefined for a line that stays in the log. */
export function parseCommand(line: string, known: ReadonlySet<string> = COMMAND_NAMES): Command | undefined {
  const [, head, data] = /^::(.*?)::(.*)$/s.exec(line.replace(LEADING_WHITE_SPACE, '')) ?? [];
  const command = head === undefined ? undefined : newCommand(head, data ?? '', COLONS, known);
  if (command) return command;
  const [, oldHead, oldData] = /##\[(.*?)\](.*)$/s.exec(line) ?? [];
  return oldHead === undefined ? undefined : newCommand(oldHead, oldData ?? '', BRACKETS, known);
}

type Syntax = {
  readonly between: string;
  readonly trim: RegExp;
  readonly property: Escapes;
  readonly data: Escapes;
};
/** In the order in which the runner takes them back; the percent sign last. */
type Escapes = readonly (readonly [escape: string, character: string])[];

const LINE_ENDS: Escapes = [
  ['%0D', '\r'],
  ['%0A', '\n'],
];
const PERCENT: Escapes = [['%25', '%']];
const OLD_ESCAPES: Escapes = [['%3B', ';'], ...LINE_ENDS, ['%5D', ']'], ...PERCENT];
const COLONS: Syntax = {
  between: ',',
  trim: OUTER_WHITE_SPACE,
  property: [...LINE_ENDS, ['%3A', ':'], ['%2C', ','], ...PERCENT],
  data: [...LINE_ENDS, ...PERCENT],
};
const BRACKETS: Syntax = { between: ';', trim: /^(?!)/, property: OLD_ESCAPES, data: OLD_ESCAPES };

function newCommand(
  head: string,
  data: string,
  syntax: Syntax,
  known: ReadonlySet<string>,
): Command | undefined {
  const [name = ''] = head.split(' ', 1);
  if (!known.has(name.toLowerCase())) return undefined;
  const properties: Record<string, string> = {};
  for (const pair of head
    .slice(name.length + 1)
    .replace(syntax.trim, '')
    .split(syntax.between)) {
    const [, key, value] = /^=*([^=]+)=+(.+)$/s.exec(pair) ?? [];
    if (key !== undefined && value !== undefined) properties[key] = unescaped(value, syntax.property);
  }
  return { name: name.toLowerCase(), properties, data: unescaped(data, syntax.data) };
}

function unescaped(text: string, escapes: Escapes): string {
  return escapes.reduce((result, [escape, character]) => result.replaceAll(escape, character), text);
}

function receive(step: Step, line: string): void {
  const command = parseCommand(line, step.known);
  if (!command || !obey(step, command, line)) print(step.job, line);
}

function obey(step: Step, command: Command, line: string): boolean {
  if (step.stopToken === undefined) {
    OBEY[command.name]?.(step, command, line);
    return true;
  }
  if (command.name !== step.stopToken) return false;
  print(step.job, line);
  step.known.delete(step.stopToken);
  step.stopToken = undefined;
  return true;
}

type Obey = (step: Step, command: Command, line: string) => void;

const ignored: Obey = () => {};
const disabled: Obey = (step, { name }, line) =>
  fail(step, `Unable to process command '${line}' successfully.`, `The \`${name}\` command is disabled.`);
const deprecated = (step: Step, name: string) =>
  issue(step, 'warning', `The \`${name}\` command is deprecated.`);

const OBEY: Readonly<Record<string, Obey>> = {
  error: (step, { data, properties }) => issue(step, 'error', data, properties),
  warning: (step, { data, properties }) => issue(step, 'warning', data, properties),
  notice: (step, { data, properties }) => issue(step, 'notice', data, properties),
  group: ({ job }, { data }) => print(job, `##[group]${data}`),
  endgroup: ({ job }) => print(job, '##[endgroup]'),
  debug: ignored,
  echo: ignored,
  'add-matcher': ignored,
  'remove-matcher': ignored,
  'set-env': disabled,
  'add-path': disabled,
  'set-output': (step, { name, data, properties }) => {
    deprecated(step, name);
    if (properties.name) step.job.outputs[properties.name] = data;
  },
  'save-state': (step, { name, data, properties }) => {
    deprecated(step, name);
    if (properties.name) step.job.state[properties.name] = data;
  },
  'add-mask': (step, { data }) => {
    if (data.trim() === '')
      return issue(step, 'warning', "Can't add secret mask for empty string in ##[add-mask] command.");
    step.job.masks.push(data);
  },
  'stop-commands': (step, { data }, line) => {
    const token = data.toLowerCase();
    if (token === '' || token === 'pause-logging' || step.known.has(token)) {
      return fail(step, 'You cannot use a endToken that is an empty string, or another workflow command.');
    }
    print(step.job, line);
    step.known.add(token);
    step.stopToken = token;
  },
};

const COMMAND_NAMES: ReadonlySet<string> = new Set(Object.keys(OBEY));

function issue(step: Step, level: Level, text: string, properties: Command['properties'] = {}): void {
  const { job, counts } = step;
  const message = masked(job, text).slice(0, MAX_ANNOTATION_MESSAGE_LENGTH);
  if (message !== '') print(job, `##[${level}]${message}`);
  counts[level] += 1;
  if (counts[level] > MAX_ANNOTATIONS_PER_LEVEL) job.droppedAnnotations[level] += 1;
  // An issue without a message has taken its place, and makes no annotation.
  else if (message !== '') job.annotations.push({ level, message, ...position(job, properties) });
}

function position(job: Job, { title, file, ...numbers }: Command['properties']) {
  const number = (name: string) => (/^\d+$/.test(numbers[name] ?? '') ? Number(numbers[name]) : undefined);
  const endLine = number('endLine');
  const line = number('line') ?? endLine;
  const col = number('col') ?? number('endColumn');
  const isReversed = line !== undefined && endLine !== undefined && endLine < line;
  const hasColumn = line !== undefined && (endLine === undefined || endLine === line);
  return {
    title,
    file: file?.startsWith(`${job.workspace}/`) ? file.slice(job.workspace.length + 1) : file,
    line: isReversed ? undefined : line,
    endLine: isReversed ? undefined : endLine,
    col: hasColumn ? col : undefined,
  };
}

function fail(step: Step, ...messages: readonly string[]): void {
  for (const message of messages) issue(step, 'error', message);
  step.failed = true;
}

function print(job: Job, line: string): void {
  job.log.push(masked(job, line));
}

// --- Secrets

/** The text with `***` for every stretch of it that secrets cover. */
function masked({ secrets, masks }: Job, text: string): string {
  const covered = new Uint8Array(text.length);
  for (const form of new Set([...secrets, ...masks].flatMap(formsOf))) {
    for (let at = text.indexOf(form); at >= 0; at = text.indexOf(form, at + 1))
      covered.fill(1, at, at + form.length);
  }
  let result = '';
  for (let at = 0; at < text.length; at += 1) {
    if (covered[at] === 0) result += text[at];
    else if (at === 0 || covered[at - 1] === 0) result += '***';
  }
  return result;
}

/** A secret and its lines, and each of them as base64, JSON, URI data, XML, an expression and without its quotes. */
function formsOf(secret: string): string[] {
  return [secret, ...secret.split(/[\r\n]+/)].flatMap((value) => {
    const bytes = Buffer.from(value);
    return [
      value,
      ...[0, 1, 2].map((shift) => bytes.subarray(shift).toString('base64')),
      JSON.stringify(value).slice(1, -1),
      encodeURIComponent(value),
      value.replace(/[&<>"']/g, (character) => XML_ENTITIES[character] ?? ''),
      value.replaceAll("'", "''"),
      value.replace(/^"(.+)"$/s, '$1'),
    ].filter((form) => form !== '');
  });
}

const XML_ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

// --- File commands

type FileCommands = Readonly<Record<'output' | 'state' | 'env' | 'path' | 'step_summary', string>>;

function newFileCommands({ commandFiles }: Job): FileCommands {
  const suffix = randomUUID();
  const create = (name: string) => {
    const path = join(commandFiles, `${name}_${suffix}`);
    writeFileSync(path, '');
    return path;
  };
  return {
    output: create('set_output'),
    state: create('save_state'),
    env: create('set_env'),
    path: create('add_path'),
    step_summary: create('step_summary'),
  };
}

function readFileCommands(step: Step, files: FileCommands): void {
  const { job } = step;
  readPairs(step, 'output', files.output, (name, value) => (job.outputs[name] = value));
  readPairs(step, 'state', files.state, (name, value) => (job.state[name] = value));
  readPairs(step, 'env', files.env, (name, value) => {
    if (name.toUpperCase() !== 'NODE_OPTIONS') job.env[name] = value;
    else issue(step, 'error', "Can't store NODE_OPTIONS output parameter using '$GITHUB_ENV' command.");
  });
  job.path.push(
    ...textOf(files.path)
      .split(/\r?\n/)
      .filter((line) => line !== ''),
  );
  job.summaries.push(readSummary(step, textOf(files.step_summary)));
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function readPairs(
  step: Step,
  name: string,
  path: string,
  take: (name: string, value: string) => void,
): void {
  try {
    for (const [key, value] of pairsIn(textOf(path))) take(key, value);
  } catch (error) {
    fail(
      step,
      `Unable to process file command '${name}' successfully.`,
      error instanceof Error ? error.message : '',
    );
  }
}

/** `name=value` lines, and `name<<delimiter` with the lines up to the delimiter. */
function* pairsIn(text: string): Generator<readonly [name: string, value: string]> {
  const lines = text.split('\n');
  // What follows the last line end is a line only when it holds something.
  if (lines.at(-1) === '') lines.pop();
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? '';
    if (line === '') continue;
    const [, name = '', separator, rest = ''] = /^(.*?)(=|<<)(.*)$/s.exec(line) ?? [];
    if (separator === undefined) throw new Error(`Invalid format '${line}'`);
    if (separator === '=') {
      yield [name, rest];
      continue;
    }
    if (name === '' || rest === '') {
      throw new Error(`Invalid format '${line}'. Name must not be empty and delimiter must not be empty`);
    }
    const end = lines.indexOf(rest, at + 1);
    if (end < 0) throw new Error(`Invalid value. Matching delimiter not found '${rest}'`);
    yield [name, lines.slice(at + 1, end).join('\n')];
    at = end;
  }
}

function readSummary(step: Step, text: string): string | undefined {
  const bytes = Buffer.byteLength(text);
  if (bytes <= MAX_SUMMARY_BYTES)
    return text
      .split('\n')
      .map((line) => masked(step.job, line))
      .join('\n');
  const [limit, size] = [MAX_SUMMARY_BYTES, bytes].map((count) => Math.floor(count / 1024));
  issue(
    step,
    'error',
    `$GITHUB_STEP_SUMMARY upload aborted, supports content up to a size of ${limit}k, got ${size}k.`,
  );
  return undefined;
}
