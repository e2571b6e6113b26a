import type { Index } from '../postgres/catalog.ts';
import type { Session } from '../postgres/database.ts';
import { askAside, type Limits, type Query } from '../postgres/snapshot.ts';
import type { Sql } from '../sql/sql.ts';
import { countQueryStatement, countStatement, limitedCountStatement } from './count-statement.ts';
import { explain, findExplained, readExplained, type Explained, type ExplainedChecks } from './explained.ts';
import { groupsOf, type RowChecks } from './groups.ts';
import { looseCost, looseStatement, steppingIndex } from './loose-index-scan.ts';
import { namedColumns } from './named-columns.ts';
import { schemasOf, type Check, type Plan, type QueryCheck, type RowCheck } from './plan.ts';
import { proveAll } from './prove.ts';
import { checksOf, type CountStep, type Step } from './step.ts';

export type StrategyOptions = Limits & {
  /** `scan` reads every table whole, whatever its indexes. */
  readonly strategy: 'auto' | 'scan';
  /** Whether constraints may stand for reading the rows. */
  readonly proofs: boolean;
  readonly signal: AbortSignal;
};

/**
 * Gives each check the cheapest way to answer it that is still exact, by the server's own estimates. Asks the planner
 * and the catalogue; reads no row. `explained` is what the planner has said already. Steps come largest first.
 */
export async function chooseStrategies(
  { checks }: Plan,
  explained: readonly ExplainedChecks[],
  session: Session,
  options: StrategyOptions,
): Promise<Step[]> {
  const steps: Step[] = [];
  for (const check of checks) {
    if (check.form === 'catalog') steps.push({ form: 'catalog', check });
    if (check.form === 'impossible') steps.push({ form: 'none', check });
    if (check.form === 'query') steps.push(queryStep(check, explained));
  }
  for (const batch of batchesOf(groupsOf(checks))) {
    const choose = (groups: readonly RowChecks[]): Promise<Step[]> => {
      return askAside(session, options, schemasOf(groups.flat()), (query) =>
        stepsOf(groups, { ...options, explained, query }),
      );
    };
    steps.push(...(await choose(batch).catch(() => chooseAlone(batch, choose))));
  }
  return steps.toSorted((a, b) => costOf(b) - costOf(a));
}

/** A way that cannot be planned is left; the scan says what is wrong when it runs. */
async function chooseAlone(
  groups: readonly RowChecks[],
  choose: (groups: readonly RowChecks[]) => Promise<Step[]>,
): Promise<Step[]> {
  const steps: Step[] = [];
  for (const group of groups) steps.push(...(await choose([group]).catch(() => [scan(group)])));
  return steps;
}

/** So few groups that the locks, all held until the last is planned, are no burden on the server's table of locks. */
const BATCH = 20;

/** Groups that can be planned one after the other; one that needs settings of its own is alone. */
function batchesOf(groups: readonly RowChecks[]): RowChecks[][] {
  const isSpecial = (group: RowChecks): boolean =>
    group.some(({ operatorSchemas }) => operatorSchemas.length > 0);
  const easy = groups.filter((group) => !isSpecial(group));
  const batches = Array.from({ length: Math.ceil(easy.length / BATCH) }, (_, i) =>
    easy.slice(i * BATCH, (i + 1) * BATCH),
  );
  return [...batches, ...groups.filter(isSpecial).map((group) => [group])];
}

const costOf = (step: Step): number => (step.form === 'count' ? step.cost : 0);

/** What choosing for one group needs beside its checks. */
type Choice = StrategyOptions & { readonly explained: readonly ExplainedChecks[]; readonly query: Query };

async function stepsOf(groups: readonly RowChecks[], choice: Choice): Promise<Step[]> {
  const proofs = choice.proofs ? await proveAll(groups.flat(), choice.query) : new Map<RowCheck, string>();
  const steps: Step[] = Array.from(proofs, ([check, by]) => ({ form: 'proved', check, by }));
  for (const group of groups) {
    const [first, ...others] = group.filter((check) => !proofs.has(check));
    if (first) steps.push(...(await cheapest([first, ...others], choice)));
  }
  return steps;
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
    const step = await indexedStep(check, choice, together.cost);
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
async function indexedStep(
  check: RowCheck,
  choice: Choice,
  scanCost: number,
): Promise<CountStep | undefined> {
  const probe = await probeStep(check, choice);
  const loose = await looseStep(check, choice, scanCost);
  if (probe && loose) return loose.cost < probe.cost ? loose : probe;
  return loose ?? probe;
}

/** The plain statement, where the server answers it by an index of the table. */
async function probeStep(check: RowCheck, choice: Choice): Promise<CountStep | undefined> {
  if (!mayBeProbed(check)) return undefined;
  const found = await explainedOf([check], choice);
  const index = indexOf(check, found);
  return index === undefined
    ? undefined
    : byIndex('index probe', check, index, found.cost, countStatement([check]));
}

/** Whether to ask: rows that are joined first are found by no index but for the rule's own filter. */
function mayBeProbed(check: RowCheck): boolean {
  const { relation, joins, where } = check;
  const names = new Set<string | undefined>(namedColumns(check).map(({ name }) => name));
  const isUsable = ({ partial, columns: [first] }: Index): boolean =>
    partial || first === undefined || names.has(first);
  const indexes = [relation, ...relation.descendants].flatMap((each) => each.indexes);
  return (joins.length === 0 || where !== undefined) && indexes.some(isUsable);
}

/** Without statistics nobody knows how many parents there are, and it is left. */
async function looseStep(
  check: RowCheck,
  { query }: Choice,
  scanCost: number,
): Promise<CountStep | undefined> {
  const { reference } = check;
  const index = steppingIndex(check);
  if (!reference || !index) return undefined;
  const cost = looseCost(reference, index);
  if (cost === undefined || cost >= scanCost) return undefined;
  const statement = looseStatement(check, reference);
  const isSearch = indexOf(check, await ask(statement, query)) !== undefined;
  return isSearch ? byIndex('loose index scan', check, index.name, cost, statement) : undefined;
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
async function scanStep(checks: RowChecks, choice: Choice): Promise<CountStep> {
  const found = await explainedOf(checks, choice);
  const index = choice.strategy === 'auto' ? indexOf(checks[0], found) : undefined;
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
    statement: () => countStatement(checks),
  };
}

/** One statement that stops early, however it finds the rows. */
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

function queryStep(check: QueryCheck, explained: readonly ExplainedChecks[]): CountStep {
  const { countLimit } = check.rule;
  const statement =
    countLimit === undefined ? countQueryStatement(check) : limitedCountStatement(check, countLimit);
  const cost = findExplained(explained, [check])?.cost ?? 0;
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

async function explainedOf(checks: RowChecks, { explained, query }: Choice): Promise<Explained> {
  return findExplained(explained, checks) ?? ask(countStatement(checks), query);
}

async function ask(statement: Sql, query: Query): Promise<Explained> {
  const [row] = await query(explain(statement));
  return readExplained(row);
}

/**
 * The index by which a statement finds rows of the checked relation; undefined where it reads some part of it whole. A
 * partial index that is read whole has found them: the server does so where that costs no more than a search.
 */
function indexOf({ relation }: RowCheck, { scans }: Explained): string | undefined {
  const all = [relation, ...relation.descendants];
  const own = new Set(all.map(({ name }) => `${name.schema}.${name.name}`));
  const partial = new Set(
    all.flatMap(({ indexes }) => indexes.filter((index) => index.partial).map(({ name }) => name)),
  );
  const reads = scans.filter(({ relation: read }) => read !== undefined && own.has(read));
  const finds = ({ isSearch, index }: Explained['scans'][number]): boolean =>
    isSearch || (index !== undefined && partial.has(index));
  if (reads.length === 0 || !reads.every(finds)) return undefined;
  return scans.find(({ index }) => index !== undefined)?.index;
}
