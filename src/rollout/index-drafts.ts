import type { Index, Relation } from '../postgres/catalog.ts';
import {
  addUniqueUsingIndex,
  attachIndex,
  createIndex,
  dropConstraint,
  dropIndex,
  nameFor,
  statementText,
} from '../sql/ddl.ts';
import { displayTable, identifier, tableName, type Identifier } from '../sql/identifier.ts';
import {
  columnsNeeded,
  freeName,
  keyOfColumns,
  statementOn,
  type Draft,
  type DraftContext,
} from './draft.ts';
import type { RolloutStatement } from './phase.ts';

/** What an index is to be: over which columns, in which order. */
type Wanted = { readonly columns: readonly Identifier[]; readonly unique: boolean };

type Built = {
  readonly name: Identifier;
  readonly statements: readonly RolloutStatement[];
  readonly undo: readonly string[];
  readonly busy?: string;
};

/** Builds an index while the table is written to, partition by partition where it has any. */
export function draftIndex(names: readonly string[], relation: Relation, context: DraftContext): Draft {
  return draft({ columns: names.map(identifier), unique: false }, relation, context);
}

/** Builds a unique index while the table is written to, and makes it a constraint, where the server can do that. */
export function draftUnique(names: readonly string[], relation: Relation, context: DraftContext): Draft {
  const wanted = { columns: names.map(identifier), unique: true };
  const brings = keyOfColumns('unique', relation, names);
  const made = draft(wanted, relation, context);
  if (made.byHand !== undefined || relation.kind === 'partitioned table') return { ...made, brings };
  const name = identifier(builtOn(relation, wanted, context).name);
  const promote = statementOn(relation, addUniqueUsingIndex(relation.name, name), {
    lock: 'access exclusive',
    alone: true,
  });
  return {
    ...made,
    statements: [...made.statements, promote],
    undo: [statementText(dropConstraint(relation.name, name)), ...made.undo],
    brings,
  };
}

function draft(wanted: Wanted, relation: Relation, context: DraftContext): Draft {
  const { columns, unique } = wanted;
  const title = `${unique ? 'Make a unique key of' : 'Index'} (${columns.join(', ')})`;
  const empty = { table: displayTable(relation.name), title, statements: [], undo: [] };
  const byHand = impossibility(wanted, relation, context);
  if (byHand !== undefined) return { ...empty, byHand };
  // Children that are no partitions have indexes of their own; an index of the parent does not cover their rows.
  const heirs = relation.kind === 'partitioned table' ? [] : relation.descendants;
  const lacking = [relation, ...heirs].filter(
    (each) => !each.indexes.some((index) => isWanted(index, wanted) && index.valid),
  );
  const built = lacking.map((each) => builtOn(each, wanted, context));
  const busy = built.find((each) => each.busy !== undefined)?.busy;
  return {
    ...empty,
    statements: built.flatMap(({ statements }) => statements),
    undo: built.flatMap(({ undo }) => undo),
    needs: columnsNeeded(relation, columns),
    ...(busy === undefined ? {} : { blockedBy: busy }),
  };
}

function impossibility(
  { columns, unique }: Wanted,
  relation: Relation,
  { states }: DraftContext,
): string | undefined {
  const strange = [relation, ...relation.descendants].find(
    ({ kind }) => kind !== 'table' && kind !== 'partitioned table',
  );
  if (strange) return `${displayTable(strange.name)} is a ${strange.kind}`;
  if (!unique) return undefined;
  if (relation.hasInheritors) return 'no unique key covers the rows of inheritance children';
  const parts = [relation, ...relation.descendants].filter(({ kind }) => kind === 'partitioned table');
  const isCovered = parts.every(({ oid }) =>
    states.get(oid)?.partitionKey?.every((column) => columns.includes(column)),
  );
  return isCovered
    ? undefined
    : 'a unique key of a partitioned table must hold every column that it is partitioned by';
}

/** Of exactly these columns, in this order, compared as their types are. */
function isWanted(index: Index, { columns, unique }: Wanted): boolean {
  const sameColumns =
    index.columns.length === columns.length && columns.every((name, i) => index.columns[i] === name);
  return (
    sameColumns &&
    index.searchable === columns.length &&
    index.method === 'btree' &&
    !index.partial &&
    index.unique === unique
  );
}

function builtOn(relation: Relation, wanted: Wanted, context: DraftContext): Built {
  return relation.kind === 'partitioned table'
    ? builtInParts(relation, wanted, context)
    : builtOnTable(relation, wanted, context);
}

function ownName(
  relation: Relation,
  { columns, unique }: Wanted,
  context: DraftContext,
  gone: readonly string[],
): Identifier {
  const wanted = nameFor(relation.name, [...columns, unique ? 'key' : 'idx']);
  return gone.includes(wanted) ? wanted : freeName(wanted, relation, context);
}

/** What a build that failed has left behind is dropped first: nobody can finish it. */
function builtOnTable(relation: Relation, wanted: Wanted, context: DraftContext): Built {
  const { schema } = relation.name;
  const lock = { lock: 'share update exclusive', held: 'build' } as const;
  const broken = relation.indexes.filter((index) => isWanted(index, wanted) && !index.valid);
  const drops = broken.map((index) =>
    statementOn(relation, dropIndex(tableName(schema, index.name), 'concurrently'), { ...lock, alone: true }),
  );
  const name = ownName(
    relation,
    wanted,
    context,
    broken.map((index) => index.name),
  );
  const create = createIndex({ ...wanted, name, table: relation.name, how: 'concurrently' });
  const isBusy = broken.length > 0 && context.states.get(relation.oid)?.isBusy === true;
  return {
    name,
    statements: [...drops, statementOn(relation, create, { ...lock, alone: true })],
    undo: [statementText(dropIndex(tableName(schema, name), 'concurrently'))],
    ...(isBusy
      ? {
          busy: `an invalid index is there, and another session may be building it right now: ask again in a while`,
        }
      : {}),
  };
}

/** CONCURRENTLY is not for a partitioned table: its index is made empty, those of the partitions are built and attached. */
function builtInParts(relation: Relation, wanted: Wanted, context: DraftContext): Built {
  const { schema } = relation.name;
  const begun = relation.indexes.find((index) => isWanted(index, wanted));
  const name = begun ? identifier(begun.name) : ownName(relation, wanted, context, []);
  const create = createIndex({ ...wanted, name, table: relation.name, how: 'only' });
  const parts = partitionsOf(relation, context).map((part) => partOf(part, name, schema, wanted, context));
  const busy = parts.find((part) => part.busy !== undefined)?.busy;
  return {
    name,
    statements: [
      ...(begun ? [] : [statementOn(relation, create, { lock: 'share', alone: true })]),
      ...parts.flatMap(({ statements }) => statements),
    ],
    undo: [
      statementText(dropIndex(tableName(schema, name), 'at once')),
      ...parts.flatMap(({ undo }) => undo),
    ],
    ...(busy === undefined ? {} : { busy }),
  };
}

function partOf(
  part: Relation,
  parent: Identifier,
  schema: Identifier,
  wanted: Wanted,
  context: DraftContext,
): Built {
  const parents = context.states.get(part.oid)?.indexParents;
  const attached = part.indexes.find(({ name }) => parents?.get(name) === parent);
  if (attached?.valid) return { name: identifier(attached.name), statements: [], undo: [] };
  const ready =
    part.kind === 'partitioned table'
      ? undefined
      : part.indexes.find((index) => isWanted(index, wanted) && index.valid && !parents?.has(index.name));
  const built: Built = ready
    ? { name: identifier(ready.name), statements: [], undo: recreation(part, ready, wanted) }
    : builtOn(part, wanted, context);
  const attach = attachIndex(tableName(schema, parent), tableName(part.name.schema, built.name));
  const isAttached = attached !== undefined && attached.name === built.name;
  const attaching = isAttached ? [] : [statementOn(part, attach, { lock: 'access exclusive' })];
  return { ...built, statements: [...built.statements, ...attaching] };
}

/** An index that was there before goes with the one that it became part of. */
function recreation(part: Relation, { name }: Index, wanted: Wanted): string[] {
  return [
    statementText(createIndex({ ...wanted, name: identifier(name), table: part.name, how: 'concurrently' })),
  ];
}

/** A relation's own partitions, not those below them. */
function partitionsOf(relation: Relation, { states }: DraftContext): Relation[] {
  const oids = states.get(relation.oid)?.partitions ?? [];
  return relation.descendants.filter(({ oid }) => oids.includes(oid));
}
