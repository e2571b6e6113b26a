import type { ForeignKey, Relation } from '../postgres/catalog.ts';
import type { TableConstraint } from '../postgres/table-state.ts';
import {
  addForeignKey,
  dropConstraint,
  listOf,
  nameFor,
  statementText,
  validateConstraint,
} from '../sql/ddl.ts';
import { displayTable, identifier } from '../sql/identifier.ts';
import { sql, type Sql } from '../sql/sql.ts';
import {
  columnsNeeded,
  freeName,
  keyOfColumns,
  statementOn,
  type Draft,
  type DraftContext,
} from './draft.ts';
import { draftUnique } from './index-drafts.ts';
import type { RolloutStatement } from './phase.ts';

/** The foreign key that a rule asks for. */
export type WantedKey = { readonly parent: Relation; readonly on: Readonly<Record<string, string>> };

/** A foreign key that binds new rows at once and is validated later; first the parent's unique key, where it has none. */
export function draftForeignKey(wanted: WantedKey, relation: Relation, context: DraftContext): Draft[] {
  const { parent, on } = wanted;
  const columns = Object.keys(on);
  const title = `Add the foreign key (${columns.join(', ')}) to ${displayTable(parent.name)}`;
  const empty = { table: displayTable(relation.name), title, statements: [], undo: [] };
  const strange = [relation, ...relation.descendants, parent].find(
    ({ kind }) => kind !== 'table' && kind !== 'partitioned table',
  );
  if (strange) return [{ ...empty, byHand: `${displayTable(strange.name)} is a ${strange.kind}` }];
  // Children that are no partitions inherit no foreign key.
  const heirs = relation.kind === 'partitioned table' ? [] : relation.descendants;
  const actions = actionsOf(relation, wanted, context);
  const all = [relation, ...heirs].map((each) => keyOn(each, wanted, context, actions));
  const byHand = all.find((each) => each.byHand !== undefined)?.byHand;
  if (byHand !== undefined) return [{ ...empty, byHand }];
  const keys = Object.values(on);
  const isReferable = hasUniqueKey(parent, keys);
  return [
    ...(isReferable ? [] : [draftUnique(keys, parent, context)]),
    {
      ...empty,
      statements: all.flatMap(({ statements }) => statements),
      undo: all.flatMap(({ undo }) => undo),
      notes: actions.notes,
      needs: [
        ...columnsNeeded(relation, columns),
        ...columnsNeeded(parent, keys),
        ...(isReferable
          ? []
          : [
              {
                key: keyOfColumns('unique', parent, keys),
                isThere: false,
                what: `a unique key over (${keys.join(', ')}) in ${displayTable(parent.name)}`,
              },
            ]),
      ],
    },
  ];
}

/** Whether a foreign key can point at these columns. */
export function hasUniqueKey({ indexes }: Relation, columns: readonly string[]): boolean {
  return indexes.some(
    (index) =>
      index.unique &&
      index.valid &&
      index.immediate &&
      !index.partial &&
      index.columns.length === columns.length &&
      columns.every((name) => index.columns.some((each) => each === name)),
  );
}

type KeyOn = Pick<Draft, 'statements' | 'undo' | 'byHand'>;

/** What a key does when the parent's row goes, and why. */
type Actions = { readonly sql: Sql; readonly notes: readonly string[] };

const NOTHING: KeyOn = { statements: [], undo: [] };

function keyOn(relation: Relation, wanted: WantedKey, context: DraftContext, actions: Actions): KeyOn {
  const found = relation.foreignKeys.filter((key) => isWanted(key, wanted));
  if (found.some(({ validated, enforced, temporal }) => validated && enforced && !temporal)) return NOTHING;
  const refused = found.find(({ enforced, temporal }) => !enforced || temporal);
  if (refused) {
    const byHand = `${refused.name} is there, and is not enforced, has disabled triggers, or is for a PERIOD`;
    return { ...NOTHING, byHand };
  }
  const [begun] = found;
  if (begun) return { statements: [validation(relation, begun.name)], undo: [undo(relation, begun.name)] };
  const name = freeName(nameFor(relation.name, [...Object.keys(wanted.on), 'fkey']), relation, context);
  const key = { ...shapeOf(relation, wanted), name, actions: actions.sql };
  const add = (notValid: boolean): RolloutStatement =>
    statementOn(relation, addForeignKey({ ...key, notValid }), {
      // Where the keys of partitions become part of one, the server drops triggers of theirs on the parent.
      lock: notValid ? 'share row exclusive' : 'access exclusive',
      alsoOn: [wanted.parent, ...wanted.parent.descendants],
    });
  // Only PostgreSQL 18 takes NOT VALID there; before that each partition is guarded alone, and then all of them together.
  if (relation.kind !== 'partitioned table' || context.major >= 18)
    return { statements: [add(true), validation(relation, name)], undo: [undo(relation, name)] };
  const leaves = relation.descendants.filter(({ kind }) => kind === 'table');
  const parts = leaves.map((leaf) => keyOn(leaf, wanted, context, actions));
  const byHand = parts.find((part) => part.byHand !== undefined)?.byHand;
  return {
    statements: [...parts.flatMap(({ statements }) => statements), add(false)],
    undo: [undo(relation, name), ...parts.flatMap((part) => part.undo)],
    ...(byHand === undefined ? {} : { byHand }),
  };
}

function isWanted({ parent, on }: ForeignKey, wanted: WantedKey): boolean {
  const pairs = Object.entries(wanted.on);
  const { schema, name } = wanted.parent.name;
  return (
    parent.schema === schema &&
    parent.name === name &&
    on.length === pairs.length &&
    pairs.every(([child, key]) => on.some((pair) => pair.child === child && pair.parent === key))
  );
}

function shapeOf({ name: table }: Relation, { parent, on }: WantedKey) {
  const columns = Object.keys(on).map(identifier);
  return { table, columns, parent: parent.name, parentColumns: Object.values(on).map(identifier) };
}

const undo = ({ name }: Relation, key: string): string =>
  statementText(dropConstraint(name, identifier(key)));

const validation = (relation: Relation, name: string): RolloutStatement =>
  statementOn(relation, validateConstraint(relation.name, identifier(name)), {
    lock: 'share update exclusive',
    held: 'scan',
  });

/**
 * What the wider key does when the parent's row goes: what the narrower key between the two tables does, or one of them
 * would refuse what the other allows. Of the rows only the link is set to NULL, never the column that is rolled out.
 */
function actionsOf(relation: Relation, { parent, on }: WantedKey, { states, major }: DraftContext): Actions {
  const narrower = relation.foreignKeys.flatMap((key) => {
    const isNarrower =
      key.parent.schema === parent.name.schema &&
      key.parent.name === parent.name.name &&
      key.on.length < Object.keys(on).length &&
      key.on.every((pair) => on[pair.child] === pair.parent);
    const found = states
      .get(relation.oid)
      ?.constraints.find((each) => each.type === 'foreign key' && each.name === key.name);
    return isNarrower && found && found.onDelete !== 'no action' ? [found] : [];
  });
  const [like] = narrower;
  return like ? actionLike(like, major) : { sql: sql``, notes: [] };
}

function actionLike({ name, onDelete, columns }: TableConstraint, major: number): Actions {
  const note = `ON DELETE is that of ${name}.`;
  if (onDelete === 'cascade') return { sql: sql` on delete cascade`, notes: [note] };
  if (onDelete === 'restrict') return { sql: sql` on delete restrict`, notes: [note] };
  if (major < 15)
    return {
      sql: sql``,
      notes: [
        `${name} says ON DELETE ${onDelete.toUpperCase()}; before PostgreSQL 15 a key of several columns cannot do so for one of them, and leaves it to ${name}.`,
      ],
    };
  const list = listOf(columns);
  const action =
    onDelete === 'set null' ? sql` on delete set null (${list})` : sql` on delete set default (${list})`;
  return { sql: action, notes: [`${note} It names the columns, so that the others keep their values.`] };
}
