import type { Demand, MigrationStep, WrittenTable } from '../sql/migration-statements.ts';

/** What earlier statements of the same migrations did, as far as it decides whether rows of now say anything of later. */
export type SoFar = {
  /** Undefined until a migration sets it: that of the role that migrates is not known. */
  path: readonly string[] | undefined;
  created: WrittenTable[];
  readonly written: { table: WrittenTable; where: string }[];
  readonly changed: { table: WrittenTable; where: string; column: string | undefined; isNull: boolean }[];
  readonly declared: { table: WrittenTable; name: string; demand: Demand }[];
  anything: { where: string; reason: string } | undefined;
};

export function nothingYet(): SoFar {
  return { path: undefined, created: [], written: [], changed: [], declared: [], anything: undefined };
}

/** Whether two names can be the same table; one without a schema can be in any. */
export function mayBeSame(one: WrittenTable, other: WrittenTable): boolean {
  const anySchema = one.schema === undefined || other.schema === undefined;
  return one.name === other.name && (anySchema || one.schema === other.schema);
}

/** Notes a step; `exists` says whether the target has a table of that name. */
export function note(
  step: MigrationStep,
  where: string,
  so: SoFar,
  exists: (table: WrittenTable) => boolean,
): void {
  if (step.does === 'path') so.path = step.schemas.length > 0 ? step.schemas : undefined;
  if (step.does === 'create' && !(step.ifNotExists && exists(step.table))) so.created.push(step.table);
  if (step.does === 'write') so.written.push({ table: step.table, where });
  if (step.does === 'declare') so.declared.push(step);
  if (step.does === 'anything') so.anything ??= { where, reason: step.reason };
  if (step.does !== 'change') return;
  const { table, column, isNull = false } = step;
  if (column === undefined) so.created = so.created.filter((each) => !mayBeSame(each, table));
  so.changed.push({ table, where, column, isNull });
}

/** The columns that a demand is about; undefined where it is not known. */
function columnsOf(demand: Demand): readonly string[] | undefined {
  if (demand.needs === 'not_null' || demand.needs === 'no_rows') return [demand.column];
  if (demand.needs === 'parents') return demand.columns;
  if (demand.needs === 'no_duplicates' && demand.where === undefined) return demand.columns;
  return undefined;
}

/** What the rows of now say of a demand: all of it, that it needs nothing, that no row may be there, or nothing, with the reason. */
export function judge(
  table: WrittenTable,
  demand: Demand,
  so: SoFar,
): 'measure' | 'nothing' | 'no_rows' | { readonly unclear: string } {
  const isIt = (each: { readonly table: WrittenTable }): boolean => mayBeSame(each.table, table);
  if (so.anything) return { unclear: `what ${so.anything.where} does before it is not known` };
  const isNew = so.created.some((each) => mayBeSame(each, table));
  const written = so.written.find(isIt);
  if (written) return { unclear: `${written.where} writes rows of ${table.name} before it` };
  const whole = so.changed.find((each) => isIt(each) && each.column === undefined);
  if (isNew) return 'nothing';
  if (whole) return { unclear: `${whole.where} makes ${table.name} another table before it` };
  const columns = columnsOf(demand);
  const touched = so.changed.filter(
    (each) => isIt(each) && each.column !== undefined && (columns?.includes(each.column) ?? true),
  );
  const [first] = touched;
  if (!first || demand.needs === 'constraint') return parentIsClear(demand, so);
  if (columns === undefined || touched.some(({ isNull }) => !isNull))
    return { unclear: `${first.where} changes ${first.column ?? table.name} before it` };
  if (demand.needs === 'not_null') return 'no_rows';
  return demand.needs === 'no_duplicates' && !demand.nullsDiffer
    ? { unclear: `${first.where} adds ${first.column ?? ''} before it` }
    : 'nothing';
}

function parentIsClear(demand: Demand, so: SoFar): 'measure' | { readonly unclear: string } {
  if (demand.needs !== 'parents') return 'measure';
  const { parent } = demand;
  const made = so.created.some((each) => mayBeSame(each, parent));
  const other = [...so.written, ...so.changed].find((each) => mayBeSame(each.table, parent));
  if (made || other) return { unclear: `${other?.where ?? 'this migration'} makes or changes the parent ${parent.name} before it` }; // prettier-ignore
  return 'measure';
}
