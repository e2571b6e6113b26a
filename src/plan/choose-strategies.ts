import type { Session } from '../postgres/database.ts';
import { holdsRawSql } from '../rules/rule.ts';
import { askAside, type Limits, type Query } from '../postgres/snapshot.ts';
import type { Sql } from '../sql/sql.ts';
import { countQueryStatement, countStatement, limitedCountStatement } from './count-statement.ts';
import { explain, readExplained, type Explained } from './explained.ts';
import { estimateLinks, looseCost, looseStatement, steppingIndex } from './loose-index-scan.ts';
import type { Check, Plan, QueryCheck, RowCheck } from './plan.ts';
import { prove } from './prove.ts';
import { checksOf, type CountStep, type Step } from './step.ts';

export type StrategyOptions = Limits & {
  /** `scan` reads every table whole, whatever its indexes. */
  readonly strategy: 'auto' | 'scan';
  /** Whether constraints may stand for reading the rows. */
  readonly proofs: boolean;
  readonly signal: AbortSignal;
};

type RowChecks = readonly [RowCheck, ...RowCheck[]];

/**
 * Gives each check the cheapest way to answer it that is still exact, by the server's own estimates. Asks the planner
 * and the catalogue; reads no row. `explained` is what the planner said of each check's own statement. Steps come
 * largest first.
 */
export async function chooseStrategies(
  { checks }: Plan,
  explained: ReadonlyMap<Check, Explained>,
  session: Session,
  options: StrategyOptions,
): Promise<Step[]> {
  const steps: Step[] = [];
  for (const check of checks) {
    if (check.form === 'catalog') steps.push({ form: 'catalog', check });
    if (check.form === 'impossible') steps.push({ form: 'none', check });
    if (check.form === 'query') steps.push(queryStep(check, explained));
  }
  for (const group of groupsOf(checks.filter((check) => check.form === 'rows'))) {
    const schemas = [...new Set(group.flatMap(({ operatorSchemas }) => operatorSchemas))];
    const chosen = await askAside(
      session,
      options,
      schemas,
      (query) => stepsFor(group, { ...options, explained, query }),
      // A way that cannot be planned is left; the scan says what is wrong when it runs.
    ).catch(() => [scan(group)]);
    steps.push(...chosen);
  }
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

/** What choosing for one group needs beside its checks. */
type Choice = StrategyOptions & { readonly explained: ReadonlyMap<Check, Explained>; readonly query: Query };

async function stepsFor(group: RowChecks, choice: Choice): Promise<Step[]> {
  const proved: Step[] = [];
  const open: RowCheck[] = [];
  for (const check of group) {
    const by = choice.proofs ? await prove(check, choice.query) : undefined;
    if (by === undefined) open.push(check);
    else proved.push({ form: 'proved', check, by });
  }
  const [first, ...others] = open;
  return first ? [...proved, ...(await cheapest([first, ...others], choice))] : proved;
}

/**
 * All checks in one scan; or each that an index answers by itself, and the rest in one scan: whichever the server
 * estimates to be cheaper.
 */
async function cheapest(group: RowChecks, choice: Choice): Promise<CountStep[]> {
  const [only] = group;
  if (only.rule.countLimit !== undefined) return [await limitedStep(only, only.rule.countLimit, choice)];
  const together = await scanStep(group, choice);
  if (choice.strategy === 'scan') return [together];
  const alone: CountStep[] = [];
  for (const check of group) {
    const step = await indexedStep(check, choice);
    if (step) alone.push(step);
  }
  if (alone.length === 0) return [together];
  const answered = new Set<Check>(alone.flatMap(checksOf));
  const [first, ...others] = group.filter((check) => !answered.has(check));
  const apart = first ? [...alone, await scanStep([first, ...others], choice)] : alone;
  return sum(apart) < together.cost ? apart : [together];
}

const sum = (steps: readonly CountStep[]): number => steps.reduce((total, { cost }) => total + cost, 0);

/** The cheapest way by an index, without reading the table; undefined where there is none. */
async function indexedStep(check: RowCheck, choice: Choice): Promise<CountStep | undefined> {
  const probe = probeStep(check, choice);
  const loose = await looseStep(check, choice);
  if (probe && loose) return loose.cost < probe.cost ? loose : probe;
  return loose ?? probe;
}

/** The plain statement, where the server answers it by an index of the table. */
function probeStep(check: RowCheck, { explained }: Choice): CountStep | undefined {
  const found = explained.get(check);
  const index = found && indexOf(check, found);
  if (!found || index === undefined) return undefined;
  return byIndex('index probe', check, index, found.cost, countStatement([check]));
}

/** By the steps that the statistics make expect. Without statistics nobody knows how many, and it is left. */
async function looseStep(check: RowCheck, { query }: Choice): Promise<CountStep | undefined> {
  const { reference } = check;
  const index = steppingIndex(check);
  if (!reference || !index) return undefined;
  const links = await estimateLinks(check, query);
  if (links === undefined) return undefined;
  return byIndex(
    'loose index scan',
    check,
    index.name,
    looseCost(links, index),
    looseStatement(check, reference),
  );
}

function byIndex(
  strategy: CountStep['strategy'],
  check: RowCheck,
  index: string,
  cost: number,
  statement: Sql,
): CountStep {
  return { form: 'count', strategy, checks: [check], index, cost, pages: 0, statement: () => statement };
}

/** Every page of the relation, once; or none, where the server answers them all by an index. */
async function scanStep(checks: RowChecks, { strategy, explained, query }: Choice): Promise<CountStep> {
  const known = checks.length === 1 ? explained.get(checks[0]) : undefined;
  const found = known ?? (await ask(countStatement(checks), query));
  const index = strategy === 'auto' ? indexOf(checks[0], found) : undefined;
  const step = scan(checks, found.cost);
  return index === undefined ? step : { ...step, strategy: 'index probe', index, pages: 0 };
}

function scan(checks: RowChecks, estimated?: number): CountStep {
  const { relation } = checks[0];
  const pages = [relation, ...relation.descendants].reduce((total, each) => total + each.pages, 0);
  return {
    form: 'count',
    strategy: 'scan',
    checks,
    index: undefined,
    cost: estimated ?? pages,
    pages,
    statement: (range) => countStatement(checks, range),
  };
}

/** One statement that stops early, however it finds the rows; so the table is not read in parts. */
async function limitedStep(check: RowCheck, limit: number, { query }: Choice): Promise<CountStep> {
  const statement = limitedCountStatement(check, limit);
  const found = await ask(statement, query);
  const index = indexOf(check, found);
  const strategy = index === undefined ? 'scan' : 'index probe';
  return {
    form: 'count',
    strategy,
    checks: [check],
    index,
    cost: found.cost,
    pages: 0,
    statement: () => statement,
  };
}

function queryStep(check: QueryCheck, explained: ReadonlyMap<Check, Explained>): CountStep {
  const { countLimit } = check.rule;
  const statement =
    countLimit === undefined ? countQueryStatement(check) : limitedCountStatement(check, countLimit);
  const cost = explained.get(check)?.cost ?? 0;
  return {
    form: 'count',
    strategy: 'query',
    checks: [check],
    index: undefined,
    cost,
    pages: 0,
    statement: () => statement,
  };
}

async function ask(statement: Sql, query: Query): Promise<Explained> {
  const [row] = await query(explain(statement));
  return readExplained(row);
}

/** The index by which a statement finds rows of the checked relation; undefined where it reads some part of it whole. */
function indexOf({ relation }: RowCheck, { scans }: Explained): string | undefined {
  const own = new Set([relation, ...relation.descendants].map(({ name }) => `${name.schema}.${name.name}`));
  const reads = scans.filter(({ relation: read }) => read !== undefined && own.has(read));
  if (reads.length === 0 || !reads.every(({ isSearch }) => isSearch)) return undefined;
  return scans.find(({ index }) => index !== undefined)?.index;
}
