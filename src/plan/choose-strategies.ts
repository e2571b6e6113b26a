import type { Session } from '../postgres/database.ts';
import { holdsRawSql } from '../rules/rule.ts';
import { askAside, type Limits } from '../postgres/snapshot.ts';
import type { Sql } from '../sql/sql.ts';
import { countQueryStatement, countStatement, limitedCountStatement } from './count-statement.ts';
import { explain, readExplained, type PlannedScan } from './explained.ts';
import { estimateLinks, looseCost, looseStatement, steppingIndex } from './loose-index-scan.ts';
import { type Check, type Plan, type QueryCheck, type RowCheck } from './plan.ts';
import { prove } from './prove.ts';
import { checksOf, type CountStep, type Step } from './step.ts';

export type StrategyOptions = Limits & {
  /** `scan` reads every table whole, whatever its indexes. */
  readonly strategy: 'auto' | 'scan';
  /** Whether constraints may stand for reading the rows. */
  readonly proofs: boolean;
  readonly signal: AbortSignal;
};

type StepParts = Pick<CountStep, 'strategy' | 'checks'>;
type RowChecks = readonly [RowCheck, ...RowCheck[]];

/**
 * Gives each check the cheapest way to answer it that is still exact, by the server's own estimates. Asks the planner
 * and the catalogue; reads no row. Steps come largest first.
 */
export async function chooseStrategies(
  { checks }: Plan,
  session: Session,
  options: StrategyOptions,
): Promise<Step[]> {
  const steps: Step[] = [];
  const open: RowCheck[] = [];
  for (const check of checks) {
    if (check.form === 'catalog') steps.push({ form: 'catalog', check });
    else if (check.form === 'impossible') steps.push({ form: 'none', check });
    else if (check.form === 'query') steps.push(await queryStep(check, session, options));
    else {
      const by = options.proofs ? await prove(check, session, options) : undefined;
      if (by === undefined) open.push(check);
      else steps.push({ form: 'proved', check, by });
    }
  }
  for (const group of groupsOf(open)) steps.push(...(await stepsFor(group, session, options)));
  return steps.toSorted((a, b) => costOf(b) - costOf(a));
}

const costOf = (step: Step): number => (step.form === 'count' ? step.cost : 0);

/** A statement has at most 1664 output columns (MaxTupleAttributeNumber in the server's htup_details.h). */
const MAX_OUTPUTS = 1_500;

/** Checks that one statement can answer: of one relation, with one time limit, and few enough. Raw SQL is alone. */
function groupsOf(checks: readonly RowCheck[]): RowChecks[] {
  const groups: RowChecks[] = [];
  const open = new Map<string, { readonly checks: RowCheck[]; outputs: number }>();
  for (const check of checks) {
    const key = `${check.relation.oid} ${check.rule.timeoutMs ?? ''}`;
    const outputs = check.classes.length + 1;
    const group = isAlone(check) ? undefined : open.get(key);
    if (group && group.outputs + outputs <= MAX_OUTPUTS) {
      group.checks.push(check);
      group.outputs += outputs;
      continue;
    }
    const begun: [RowCheck] = [check];
    groups.push(begun);
    if (!isAlone(check)) open.set(key, { checks: begun, outputs });
  }
  return groups;
}

/** Raw SQL is kept from the others; and a count that stops early would stop theirs. */
const isAlone = ({ rule }: RowCheck): boolean => holdsRawSql(rule) || rule.countLimit !== undefined;

/**
 * All checks of a group in one scan; or each that an index answers by itself, and the rest in one scan: whichever the
 * server estimates to be cheaper.
 */
async function stepsFor(group: RowChecks, session: Session, options: StrategyOptions): Promise<CountStep[]> {
  const [only] = group;
  if (only.rule.countLimit !== undefined)
    return [await limitedStep(only, only.rule.countLimit, session, options)];
  const together = await scanStep(group, session, options);
  if (options.strategy === 'scan') return [together];
  const alone: CountStep[] = [];
  for (const check of group) {
    const step = await indexedStep(check, session, options);
    if (step) alone.push(step);
  }
  const answered = new Set<Check>(alone.flatMap(checksOf));
  const [first, ...others] = group.filter((check) => !answered.has(check));
  const rest = first && alone.length > 0 ? [await scanStep([first, ...others], session, options)] : [];
  const apart = first && alone.length === 0 ? [together] : [...alone, ...rest];
  return sum(apart) < together.cost ? apart : [together];
}

const sum = (steps: readonly CountStep[]): number => steps.reduce((total, { cost }) => total + cost, 0);

/** The cheapest way by an index, without reading the table; undefined where there is none. */
async function indexedStep(
  check: RowCheck,
  session: Session,
  options: StrategyOptions,
): Promise<CountStep | undefined> {
  const probe = await probeStep(check, session, options);
  const loose = await looseStep(check, session, options);
  if (probe && loose) return loose.cost < probe.cost ? loose : probe;
  return loose ?? probe;
}

/** The plain statement, where the server answers it by an index of the table. */
async function probeStep(
  check: RowCheck,
  session: Session,
  options: StrategyOptions,
): Promise<CountStep | undefined> {
  const parts: StepParts = { strategy: 'index probe', checks: [check] };
  const step = await explained(parts, countStatement([check]), session, options);
  return step?.index === undefined ? undefined : step;
}

/** By the steps that the statistics make expect. Without statistics nobody knows how many, and it is left. */
async function looseStep(
  check: RowCheck,
  session: Session,
  options: StrategyOptions,
): Promise<CountStep | undefined> {
  const { reference } = check;
  const index = steppingIndex(check);
  if (!reference || !index) return undefined;
  const links = await estimateLinks(check, session, options);
  if (links === undefined) return undefined;
  const statement = looseStatement(check, reference);
  const cost = looseCost(links, index);
  const parts: StepParts = { strategy: 'loose index scan', checks: [check] };
  return { form: 'count', ...parts, index: index.name, cost, pages: 0, statement: () => statement };
}

/** Every page of the relation, once. */
async function scanStep(checks: RowChecks, session: Session, options: StrategyOptions): Promise<CountStep> {
  const parts: StepParts = { strategy: 'scan', checks };
  const step = await explained(parts, countStatement(checks), session, options);
  const { relation } = checks[0];
  const pages = [relation, ...relation.descendants].reduce((total, each) => total + each.pages, 0);
  const cost = step?.cost ?? pages;
  return {
    form: 'count',
    ...parts,
    index: undefined,
    cost,
    pages,
    statement: (range) => countStatement(checks, range),
  };
}

/** One statement that stops early, however it finds the rows; so the table is not read in parts. */
async function limitedStep(
  check: RowCheck,
  limit: number,
  session: Session,
  options: StrategyOptions,
): Promise<CountStep> {
  const statement = limitedCountStatement(check, limit);
  const step = await explained({ strategy: 'index probe', checks: [check] }, statement, session, options);
  const strategy = step?.index === undefined ? 'scan' : 'index probe';
  const cost = step?.cost ?? check.relation.pages;
  return {
    form: 'count',
    strategy,
    checks: [check],
    index: step?.index,
    cost,
    pages: 0,
    statement: () => statement,
  };
}

async function queryStep(check: QueryCheck, session: Session, options: StrategyOptions): Promise<CountStep> {
  const { countLimit } = check.rule;
  const statement =
    countLimit === undefined ? countQueryStatement(check) : limitedCountStatement(check, countLimit);
  const parts: StepParts = { strategy: 'query', checks: [check] };
  const step = await explained(parts, statement, session, options);
  return {
    form: 'count',
    ...parts,
    index: undefined,
    cost: step?.cost ?? 0,
    pages: 0,
    statement: () => statement,
  };
}

/**
 * A step with the server's estimate, and the index where it reads the checked relation by indexes alone. Undefined
 * where the server cannot plan it: then another way has to do, and says what is wrong when it runs.
 */
async function explained(
  parts: StepParts,
  statement: Sql,
  session: Session,
  options: StrategyOptions,
): Promise<CountStep | undefined> {
  const [check] = parts.checks;
  if (options.signal.aborted) return undefined;
  try {
    const { cost, scans } = await askAside(session, options, check.operatorSchemas, async (query) => {
      const [row] = await query(explain(statement));
      return readExplained(row);
    });
    const index = check.form === 'rows' ? indexOf(check, scans) : undefined;
    return { form: 'count', ...parts, index, cost, pages: 0, statement: () => statement };
  } catch {
    return undefined;
  }
}

/** The index by which a statement finds rows of the checked relation; undefined where it reads some part of it whole. */
function indexOf({ relation }: RowCheck, scans: readonly PlannedScan[]): string | undefined {
  const own = new Set([relation, ...relation.descendants].map(({ name }) => `${name.schema}.${name.name}`));
  const reads = scans.filter(({ relation: read }) => read !== undefined && own.has(read));
  if (reads.length === 0 || !reads.every(({ isSearch }) => isSearch)) return undefined;
  return scans.find(({ index }) => index !== undefined)?.index;
}
