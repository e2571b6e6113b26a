import type { Rollout, RolloutStatement, RolloutStep } from '../rollout/phase.ts';
import { formatDurationMs } from '../support/duration.ts';
import { listed } from '../support/listed.ts';
import { sizeText } from '../support/size.ts';
import { plain, visible } from '../support/plain.ts';
import { rolloutSetting, stepsText } from './rollout-rows.ts';

/**
 * How long a statement waits in line for a lock, and everybody who comes after it with it. A foreign key takes two, one
 * after the other: together less than the second after which the server looks for deadlocks (deadlock_timeout), so that
 * where an application takes them the other way round it is this statement that gives up.
 */
const LOCK_TIMEOUT = '400ms';

/**
 * The next steps as a script for psql. Only what may be run now is a statement; all else is a comment, with the reason.
 */
export function renderRolloutSql(rollout: Rollout): string {
  const { steps, problems } = rollout;
  const blocks = [
    heading(rollout),
    ...problems.map(({ message, hint }) => comment([message, ...(hint ? [hint] : [])])),
    ...withPhases(rollout),
    ...(steps.length === 0 && problems.length === 0 ? [comment(['No step is left.'])] : []),
  ];
  return `${blocks.join('\n\n')}\n`;
}

function heading(rollout: Rollout): string {
  return comment([
    `Rowgate: the next steps. ${rolloutSetting(rollout)}; as of ${rollout.startedAt}.`,
    `${stepsText(rollout.steps)}. Nothing was executed.`,
    'Run it statement by statement, outside of a transaction block, and stop at the first error:',
    '  psql -X -v ON_ERROR_STOP=1 -f next.sql',
    'A statement that ends with a lock timeout has changed nothing: run it again.',
    'Whatever else stopped it: run the command again, and it goes on from there.',
  ]);
}

function withPhases({ steps, phases }: Rollout): string[] {
  let phase: string | null | undefined;
  return foldBlocked(steps).map(([step, ...others]) => {
    const isNew = step.phase !== phase;
    phase = step.phase;
    const block = stepBlock(
      step,
      [step, ...others].map(({ table }) => table),
    );
    return isNew && phase !== null ? `${comment(phaseAdvice(phase, phases))}\n\n${block}` : block;
  });
}

type Folded = [RolloutStep, ...RolloutStep[]];

/** Steps of one rule that cannot be run for the same reason are told once. */
function foldBlocked(steps: readonly RolloutStep[]): Folded[] {
  const groups = new Map<string, Folded>();
  for (const [place, step] of steps.entries()) {
    const { state, rule, title, reason } = step;
    const key = JSON.stringify(state === 'ready' ? place : [state, rule, title, reason]);
    const group = groups.get(key);
    if (group) group.push(step);
    else groups.set(key, [step]);
  }
  return [...groups.values()];
}

/** The first phase can be left again; what comes after it is better ended than taken back. */
function phaseAdvice(phase: string, phases: readonly string[]): string[] {
  const advice =
    phases.indexOf(phase) === 0
      ? 'It can be taken back (each step says how), which on a large table is a large operation.'
      : 'Once it has begun prefer a forward fix: run what is left rather than what was done backwards.';
  return [`==== Phase ${phase}. ${advice}`];
}

function stepBlock(step: RolloutStep, tables: readonly string[]): string {
  const { title, size, state, reason, rule, source, notes, undo, statements } = step;
  const head = [
    `---- ${listed(tables)}: ${title}`,
    `for ${rule} (${source.file}:${source.line})`,
    ...(state === 'ready'
      ? [size ? `about ${sizeText(size.rows, size.bytes)}` : 'of unknown size: no statistics']
      : []),
    ...notes,
    ...(state === 'ready' ? [] : [`${state.toUpperCase()}: ${reason ?? ''}`]),
  ];
  if (state !== 'ready') return comment(head);
  if (statements.some(({ sql }) => hasUnseen(sql)))
    return comment([
      ...head,
      'BY HAND: a name in it holds characters that cannot be seen; --format json has it.',
    ]);
  return [
    comment([...head, ...undo.map((each) => `undo: ${each}`)]),
    ...statements.map((each) => `${comment([lockText(each)])}\n${lockTimeout(each)}\n${each.sql}`),
  ].join('\n');
}

const lockTimeout = ({ lockTimeout: isNeeded }: RolloutStatement): string =>
  `set lock_timeout = '${isNeeded ? LOCK_TIMEOUT : '0'}';`;

function lockText({ lock, held, estimatedMs, lockTimeout: isNeeded }: RolloutStatement): string {
  const long =
    estimatedMs === null
      ? 'for how long is not known: no statistics'
      : `about ${formatDurationMs(estimatedMs)}`;
  const time = {
    moment: 'for a moment: no row is read',
    scan: `while the rows are read, ${long}`,
    build: `while the index is worked on, ${long}`,
  }[held];
  const effect = {
    'access exclusive': 'keeps everybody out',
    'share row exclusive': 'keeps writers out',
    share: 'keeps writers out',
    'share update exclusive': 'keeps out other DDL and vacuum alone',
  }[lock.mode];
  const waits = isNeeded ? '' : '; it waits for older transactions, and nobody waits for it';
  return `lock: ${lock.mode} on ${listed(lock.on)}, ${time}; ${effect}${waits}`;
}

/** A name with a line break in it opens a quote that its line does not close; a log would take `::` for a command. */
const hasUnseen = (text: string): boolean =>
  text
    .split('\n')
    .some((line) => visible(line) !== line || /^\s*::/.test(line) || line.split('"').length % 2 === 0);

function comment(lines: readonly string[]): string {
  return lines.map((line) => `-- ${plain(line)}`).join('\n');
}
