import type { Column, Relation } from '../postgres/catalog.ts';
import type { Edge, Gap, Link, TenantTable } from './discovery.ts';
import type { RootCandidate } from './find-roots.ts';
import { isLogName } from './tenant-words.ts';

/** What the catalogue does not keep by itself, table by table. */
export function findGaps(tables: readonly TenantTable[], edges: readonly Edge[], root: RootCandidate): Gap[] {
  return tables.flatMap((table) => {
    const own = edges.filter((edge) => edge.table === table);
    return [
      ...gapsOfColumn(table, root),
      ...own.flatMap(disagreement),
      ...(table.column ? [] : gapsOfLinks(table)),
    ];
  });
}

function disagreement(edge: Edge): Gap[] {
  return edge.keptBy ? [] : [{ gap: 'disagreement', table: edge.table, edge }];
}

function gapsOfColumn(table: TenantTable, root: RootCandidate): Gap[] {
  const { column, others } = table;
  const unreferenced = [...(column ? [column] : []), ...others]
    .filter(({ name }) => !isReferenced(table, name, root, new Set()))
    .map((each): Gap => ({ gap: 'unreferenced', table, column: each }));
  if (!column || isKeptNotNull(table.relation, column)) return unreferenced;
  const links = logLinks(table);
  const open: Gap =
    links.length > 0 ? { gap: 'log', table, column, links } : { gap: 'nullable', table, column };
  return [open, ...unreferenced];
}

/** The links of a table that tells what happened, also to no tenant: all of them may be NULL. Empty for any other table. */
function logLinks({ relation, links }: TenantTable): Column[] {
  const columns = links.flatMap((link) => columnsOf(relation, link));
  const isFree = columns.every((each) => !each.notNull);
  return isFree && isLogName(relation.name.name) ? [...new Set(columns)] : [];
}

/** Whether foreign keys make it sure that the column's tenant is there: its own, or that of a parent with which it has to agree. */
function isReferenced(
  { relation, links, column }: TenantTable,
  name: string,
  root: RootCandidate,
  seen: ReadonlySet<Relation>,
): boolean {
  if (seen.has(relation)) return false;
  const kept = relation.foreignKeys.filter((key) => key.validated && key.enforced && !key.temporal);
  const isOwn = kept.some(
    ({ parent, on }) =>
      parent.schema === root.table.name.schema &&
      parent.name === root.table.name.name &&
      on.some((pair) => pair.child === name && pair.parent === root.key.name) &&
      on.every((pair) => pair.child === name || relation.columns.get(pair.child)?.notNullValidated),
  );
  if (isOwn || column?.name !== name) return isOwn;
  return links.some(({ parent }) => {
    const theirs = parent.column;
    if (!theirs) return false;
    const isKept = kept.some(
      (key) =>
        key.parent.schema === parent.relation.name.schema &&
        key.parent.name === parent.relation.name.name &&
        key.on.some((pair) => pair.child === name && pair.parent === theirs.name) &&
        key.on.every((pair) => pair.child === name || relation.columns.get(pair.child)?.notNullValidated),
    );
    return isKept && isReferenced(parent, theirs.name, root, new Set([...seen, relation]));
  });
}

/** What a table without a column of its own leaves open: rows without any way to a tenant, and ways to two. */
function gapsOfLinks(table: TenantTable): Gap[] {
  const { relation, others } = table;
  if (others.length > 0) return [];
  // A way that comes back to the table itself leads its rows nowhere.
  const links = table.links.filter(
    ({ parent }) => parent !== table && !parent.path.some(({ to }) => to === relation),
  );
  const isBound = (link: Link): boolean =>
    columnsOf(relation, link).every((each) => isKeptNotNull(relation, each));
  const bound = links.filter(isBound);
  const unbound: Gap[] =
    bound.length > 0 || links.length === 0
      ? []
      : [
          {
            gap: 'unbound',
            table,
            columns: [...new Set(links.flatMap((link) => columnsOf(relation, link)))],
          },
        ];
  const comparable = links.filter(({ parent }) => parent.column !== undefined);
  return [...unbound, ...diamonds(table, comparable, bound)];
}

/** Each pair of parents that have to agree; where one parent is always there, each other one with that. */
function diamonds(table: TenantTable, links: readonly Link[], bound: readonly Link[]): Gap[] {
  const anchor = links.find((link) => bound.includes(link));
  const pairs = links.flatMap((first, index) =>
    links.slice(index + 1).map((second) => [first, second] as const),
  );
  return pairs
    .filter((pair) => !anchor || pair.includes(anchor))
    .filter(([a, b]) => a.parent.column?.equality === b.parent.column?.equality)
    .map((pair): Gap => ({ gap: 'diamond', table, links: [...pair] }));
}

function columnsOf(relation: Relation, { on }: Link): Column[] {
  return on.flatMap(({ child }) => relation.columns.get(child) ?? []);
}

/** Whether no row that is read with the table's can have a NULL there. */
function isKeptNotNull(relation: Relation, { name }: Column): boolean {
  return [relation, ...relation.descendants].every(({ columns }) => columns.get(name)?.notNullValidated);
}
