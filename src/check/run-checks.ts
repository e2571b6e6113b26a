import { performance } from 'node:perf_hooks';
import type { Session } from '../postgres/database.ts';
import type { Limits, Snapshot } from '../postgres/snapshot.ts';
import type { Check, Plan } from '../plan/plan.ts';
import { holdsRawSql } from '../rules/rule.ts';
import { checksOf, type CountStep, type Step, type StrategyName } from '../plan/step.ts';
import { asProblem, Problem } from '../support/problem.ts';
import { answerWithoutRows } from './answer-without-rows.ts';
import type { CheckResult } from './check-result.ts';
import { packSteps, pagesOf, partition, splitStep } from './count-steps.ts';
import { countStep, countTogether, judge } from './count-rows.ts';
import { watchScans, type ScanWatch } from './watch-scans.ts';

export type CheckOptions = Limits & {
  /** How many sessions may work side by side; at least 1. */
  readonly maxConnections: number;
  /** How many keys of broken rows to show for each check; 0 for none. */
  readonly samples: number;
  /** Ends the run early. Its reason, where that is a Problem, is why. */
  readonly signal: AbortSignal;
  /** Told of each piece of work that begins and ends, in the order in which it does. */
  readonly onProgress: (progress: CheckProgress) => void;
};

/** How far a run has come; `check` is what it is at. */
export type CheckProgress = {
  readonly check: Check;
  readonly checks: { readonly done: number; readonly total: number };
  /** Of the tables that are read whole. */
  readonly pages: { readonly done: number; readonly total: number };
};

/** A piece of work for whichever session is free. */
type Task = (session: Session) => Promise<void>;

/**
 * Answers every check of a run on one snapshot, read-only. Each check has a result, in the plan's order; one that could not be measured
 * is `unknown`, whatever the reason. Raw SQL comes last, each check in a session of its own, so that whatever it may
 * do to a session reaches no other check. Never rejects.
 */
export async function runChecks(
  { checks: ordered }: Plan,
  steps: readonly Step[],
  snapshot: Snapshot,
  options: CheckOptions,
): Promise<CheckResult[]> {
  const { signal, onProgress } = options;
  const results = new Map<Check, CheckResult>();
  /** What ended the session at which a check was asked together with others. */
  const losses = new Map<Check, Problem>();
  const checks = { done: 0, total: ordered.length };
  const pages = { done: 0, total: steps.reduce((sum, step) => sum + pagesOf(step), 0) };
  const tell = (check: Check): void => {
    const read = pages.done + scans.pagesRead();
    onProgress({ check, checks: { ...checks }, pages: { ...pages, done: Math.min(read, pages.total) } });
  };
  const scans = watchScans(({ checks: [first] }) => tell(first));

  const record = (found: readonly CheckResult[]): void => {
    for (const result of found) {
      results.set(result.check, result);
      checks.done = results.size;
      tell(result.check);
    }
  };

  const work = async (step: CountStep, parallelWorkers: number, session: Session): Promise<Task[]> => {
    tell(step.checks[0]);
    const startedAt = performance.now();
    const end = scans.begin(step);
    try {
      const counted = await countStep(step, session, { ...options, parallelWorkers }).finally(end);
      const elapsedMs = performance.now() - startedAt;
      pages.done += pagesOf(step);
      record(await judge({ step, counted, elapsedMs }, session, options));
      return [];
    } catch (error) {
      const problem = signal.aborted ? cancelled(signal) : asProblem(error);
      const smaller = session.alive && !signal.aborted ? splitStep(step, problem) : [];
      if (smaller.length === 0) record(step.checks.map((check) => unmeasured(check, problem, step.strategy)));
      return smaller.flatMap(tasksOf);
    }
  };

  const workTogetherOn = async (some: readonly CountStep[], session: Session): Promise<Task[]> => {
    for (const {
      checks: [first],
    } of some)
      tell(first);
    // Each alone where something is wrong with one of them, which is then found.
    const done = await countTogether(some, session, options).catch((error: unknown) => {
      if (!session.alive) some.flatMap(checksOf).forEach((check) => losses.set(check, asProblem(error)));
      return undefined;
    });
    if (!done) return some.flatMap(tasksOf);
    for (const each of done) {
      pages.done += pagesOf(each.step);
      record(await judge(each, session, options));
    }
    return [];
  };

  /** A piece of work, and what it leaves to do comes next. */
  const taskOf =
    (begin: (session: Session) => Promise<Task[]>): Task =>
    async (session) =>
      void tasks.unshift(...(await begin(session)));

  const tasksOfPack = (pack: readonly CountStep[]): Task[] => {
    if (pack.length < 2) return pack.flatMap(tasksOf);
    return [taskOf((session) => workTogetherOn(pack, session))];
  };

  const tasksOf = (step: Step): Task[] => {
    if (step.form !== 'count')
      return [async (session) => record([await answerWithoutRows(step, session, options)])];
    return [taskOf((session) => work(step, 0, session))];
  };

  const isRaw = (step: Step): boolean => checksOf(step).some(({ rule }) => holdsRawSql(rule));
  const shared = steps.filter((step) => !isRaw(step));
  const counting = shared.filter((step) => step.form === 'count');
  const others = shared.filter((step) => step.form !== 'count');
  const sessions = sessionsFor(counting, options);
  const [byAll, byEach] = partition(counting, sessions);
  const tasks: Task[] = [];
  // One after the other and before anything else, so that workers and sessions are never more than the sessions allowed.
  for (const step of byAll) {
    tasks.push(taskOf((session) => work(step, sessions - 1, session)));
    await workTogether(tasks, snapshot, scans, { ...options, sessions: Math.min(sessions, 2) });
  }
  const pieces = packSteps(byEach).flatMap(tasksOfPack);
  tasks.push(...pieces, ...others.flatMap(tasksOf));
  await workTogether(tasks, snapshot, scans, { ...options, sessions: Math.min(sessions, pieces.length) });
  await workAlone(steps.filter(isRaw).flatMap(tasksOf), snapshot, scans, options);
  const missing = (check: Check): Problem =>
    signal.aborted ? cancelled(signal) : (losses.get(check) ?? lost());
  return ordered.map((check) => results.get(check) ?? unmeasured(check, missing(check)));
}

/** The result of a check that was not measured. */
export function unmeasured(check: Check, problem: Problem, strategy: StrategyName = 'none'): CheckResult {
  return { check, strategy, elapsedMs: 0, outcome: 'unknown', problem };
}

/** In the planner's units, about 25 ms: what opening one more session costs the server and the run. */
const SESSION_COST = 5_000;

/** How many sessions are worth having. */
function sessionsFor(steps: readonly CountStep[], { maxConnections }: CheckOptions): number {
  const cost = steps.reduce((sum, step) => sum + step.cost, 0);
  return Math.min(maxConnections, Math.ceil(cost / SESSION_COST));
}

/** Works on the leader at once, and on as many joined sessions as the server grants; one that is refused is done without. */
async function workTogether(
  tasks: Task[],
  { leader, join }: Snapshot,
  scans: ScanWatch,
  { sessions, signal }: CheckOptions & { readonly sessions: number },
): Promise<void> {
  const work = async (session: Session): Promise<void> => {
    await workOff(tasks, session, signal);
    await scans.watch(session, signal);
  };
  const help = async (): Promise<void> => {
    const working: Promise<void>[] = [];
    while (working.length < sessions - 1 && (tasks.length > 0 || scans.canWatch()) && !signal.aborted) {
      const session = await join().catch(() => undefined);
      if (!session) break;
      working.push(work(session).finally(() => session.close()));
    }
    await Promise.all(working);
  };
  await Promise.all([work(leader), help()]);
  // What a helper has given back, because something was wrong with it, when the leader had gone.
  await workOff(tasks, leader, signal);
}

async function workOff(tasks: Task[], session: Session, signal: AbortSignal): Promise<void> {
  while (session.alive && !signal.aborted) {
    const task = tasks.shift();
    if (!task) return;
    await cancelledBy(signal, session, () => task(session));
  }
}

/** A session for each task, closed after it; the leader, which is idle now, takes those that are granted none. */
async function workAlone(
  tasks: Task[],
  { leader, join }: Snapshot,
  scans: ScanWatch,
  { maxConnections, signal }: CheckOptions,
): Promise<void> {
  const watching: Promise<void>[] = [];
  const work = async (): Promise<void> => {
    while (tasks.length > 0 && !signal.aborted) {
      const session = await join().catch(() => undefined);
      if (!session) return;
      const task = tasks.shift();
      if (task) {
        const done = cancelledBy(signal, session, () => task(session));
        watching.push(scans.watch(leader, signal));
        await done;
      }
      await session.close();
    }
  };
  await Promise.all(Array.from({ length: Math.min(maxConnections - 1, tasks.length) }, work));
  await Promise.all(watching);
  await workOff(tasks, leader, signal);
}

async function cancelledBy(signal: AbortSignal, session: Session, work: () => Promise<void>): Promise<void> {
  const cancel = (): void => void session.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    await work();
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

/** Why a check was not finished, of a signal that ended the run: somebody's wish, or a budget that was spent. */
export function cancelled({ reason }: AbortSignal): Problem {
  if (reason instanceof Problem) return reason;
  return new Problem('cancelled', 'the run was cancelled before this check was finished');
}

function lost(): Problem {
  return new Problem('connection-lost', 'the connection to the server was lost before this check could run');
}
