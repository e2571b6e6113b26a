import type { Relation } from '../postgres/catalog.ts';
import type { RuleOf } from '../rules/rule.ts';
import {
  addCheck,
  addColumn,
  addNotNull,
  dropColumn,
  dropConstraint,
  dropDefault,
  dropNotNull,
  nameFor,
  setDefault,
  setNotNull,
  statementText,
  validateConstraint,
  written,
} from '../sql/ddl.ts';
import { displayTable, identifier, type Identifier, type TypeName } from '../sql/identifier.ts';
import { sql } from '../sql/sql.ts';
import {
  columnsNeeded,
  freeName,
  keyOfColumns,
  statementOn,
  type Draft,
  type DraftContext,
} from './draft.ts';

type SchemaRule = RuleOf<'schema'>;

/** Adds the column, nullable and without a default, so that no row is written. */
export function draftColumn(rule: SchemaRule, relation: Relation, type: TypeName | undefined): Draft {
  const column = identifier(rule.spec.column ?? '');
  const draft = {
    table: displayTable(relation.name),
    title: `Add the column ${column}`,
    statements: [],
    undo: [],
  };
  if (relation.kind !== 'table' && relation.kind !== 'partitioned table')
    return { ...draft, byHand: `it is a ${relation.kind}: add the column where its rows come from` };
  if (!type) return { ...draft, byHand: 'no rule says of which type it is: add `type:` to the rule' };
  return {
    ...draft,
    statements: [statementOn(relation, addColumn(relation.name, column, type), { lock: 'access exclusive' })],
    undo: [statementText(dropColumn(relation.name, column))],
    brings: keyOfColumns('column', relation, [column]),
  };
}

/** Takes the default away, so that a writer who forgets the column is found out. */
export function draftWithoutDefault(rule: SchemaRule, relation: Relation, { states }: DraftContext): Draft {
  const column = identifier(rule.spec.column ?? '');
  const expression = states.get(relation.oid)?.defaults.get(column);
  const draft = {
    table: displayTable(relation.name),
    title: `Drop the default of ${column}`,
    statements: [],
    undo: [],
  };
  if (relation.columns.get(column)?.filledBy !== 'default' || expression === undefined)
    return {
      ...draft,
      byHand: 'it is filled by an identity, an expression, its type, or a default of a partition',
    };
  return {
    ...draft,
    statements: [statementOn(relation, dropDefault(relation.name, column), { lock: 'access exclusive' })],
    undo: [statementText(setDefault(relation.name, column, expression))],
    notes: ['Writers that leave the column out write NULL from then on.'],
  };
}

/** Makes the column NOT NULL without a scan under a lock that keeps anybody out. */
export function draftNotNull(rule: SchemaRule, relation: Relation, context: DraftContext): Draft {
  const column = identifier(rule.spec.column ?? '');
  const draft = {
    table: displayTable(relation.name),
    title: `Make ${column} NOT NULL`,
    statements: [],
    undo: [],
  };
  if (relation.kind !== 'table' && relation.kind !== 'partitioned table')
    return { ...draft, byHand: `it is a ${relation.kind}` };
  const found = relation.columns.get(column);
  if (found?.notNullValidated)
    return { ...draft, byHand: 'the table has it, and one of its partitions or children has not' };
  const steps =
    context.major >= 18 ? notNullBy18(relation, column, context) : notNullByCheck(relation, column, context);
  return { ...draft, ...steps, needs: columnsNeeded(relation, [column]) };
}

function notNullBy18(
  relation: Relation,
  column: Identifier,
  context: DraftContext,
): Pick<Draft, 'statements' | 'undo'> {
  const begun = relation.columns.get(column)?.notNullName;
  const name =
    begun === undefined
      ? freeName(nameFor(relation.name, [column, 'not_null']), relation, context)
      : identifier(begun);
  const add = statementOn(relation, addNotNull(relation.name, name, column), { lock: 'access exclusive' });
  const validate = validation(relation, name);
  return {
    statements: begun === undefined ? [add, validate] : [validate],
    undo: [statementText(dropNotNull(relation.name, column))],
  };
}

/** Until PostgreSQL 17 SET NOT NULL reads the whole table, unless a validated CHECK says that there is nothing to find. */
function notNullByCheck(
  relation: Relation,
  column: Identifier,
  context: DraftContext,
): Pick<Draft, 'statements' | 'undo'> {
  const ours = helperName(relation, column);
  const begun = helpersOf(relation, column, context);
  const known = begun.find(({ validated }) => validated) ?? begun[0];
  const name = known?.name ?? freeName(ours, relation, context);
  const add = statementOn(relation, addCheck(relation.name, name, sql`${column} is not null`), {
    lock: 'access exclusive',
  });
  const set = statementOn(relation, setNotNull(relation.name, column), { lock: 'access exclusive' });
  const isOurs = known === undefined || known.name === ours;
  const drop = statementOn(relation, dropConstraint(relation.name, name), { lock: 'access exclusive' });
  return {
    statements: [
      ...(known ? [] : [add]),
      ...(known?.validated ? [] : [validation(relation, name)]),
      set,
      ...(isOurs ? [drop] : []),
    ],
    undo: [
      statementText(dropNotNull(relation.name, column)),
      ...(isOurs ? [statementText(dropConstraint(relation.name, name))] : []),
    ],
  };
}

/** Drops the CHECK that made NOT NULL cheap, where a script stopped before it did. */
export function draftHelperGone(rule: SchemaRule, relation: Relation, context: DraftContext): Draft[] {
  const column = identifier(rule.spec.column ?? '');
  const left = helpersOf(relation, column, context).find(({ name }) => name === helperName(relation, column));
  if (!left || !relation.columns.get(column)?.notNullValidated) return [];
  return [
    {
      table: displayTable(relation.name),
      title: `Drop the CHECK that NOT NULL has made superfluous`,
      statements: [
        statementOn(relation, dropConstraint(relation.name, left.name), { lock: 'access exclusive' }),
      ],
      undo: [
        statementText(addCheck(relation.name, left.name, sql`${column} is not null`)),
        statementText(validateConstraint(relation.name, left.name)),
      ],
    },
  ];
}

const helperName = ({ name }: Relation, column: Identifier): Identifier =>
  nameFor(name, [column, 'not_null_check']);

function helpersOf({ oid }: Relation, column: Identifier, { states, shapes }: DraftContext) {
  const wanted = shapes.get(notNullText(column));
  return (states.get(oid)?.constraints ?? []).filter(
    ({ type, expression, enforced, isLocal }) =>
      type === 'check' &&
      enforced &&
      isLocal &&
      expression !== undefined &&
      shapes.get(expression) === wanted,
  );
}

/** A condition as a text, for its shape to be looked up by. */
export const notNullText = (column: string): string => `"${column.replaceAll('"', '""')}" is not null`;

const validation = (relation: Relation, name: Identifier) =>
  statementOn(relation, validateConstraint(relation.name, name), {
    lock: 'share update exclusive',
    held: 'scan',
  });

/** Adds the rule's condition as a CHECK that binds new rows at once, then has the server look at the others. */
export function draftCheck(rule: SchemaRule, relation: Relation, context: DraftContext): Draft {
  const author = rule.authorSql.get('check');
  const draft = {
    table: displayTable(relation.name),
    title: 'Add the CHECK constraint',
    statements: [],
    undo: [],
  };
  if (!author || (relation.kind !== 'table' && relation.kind !== 'partitioned table'))
    return { ...draft, byHand: `a ${relation.kind} has no constraints that anybody checks` };
  const wanted = context.shapes.get(author.text);
  const same = (context.states.get(relation.oid)?.constraints ?? []).filter(
    ({ type, expression, isLocal }) =>
      type === 'check' &&
      isLocal &&
      expression !== undefined &&
      wanted !== undefined &&
      context.shapes.get(expression) === wanted,
  );
  const vain = same.find(({ validated }) => validated);
  if (vain) {
    const byHand = `${vain.name} says so already, and the server does not take it for proof: write the condition in other words`;
    return { ...draft, byHand };
  }
  const [begun] = same;
  if (begun && !begun.enforced)
    return { ...draft, byHand: `${begun.name} is NOT ENFORCED: drop it, or enforce it` };
  const name =
    begun?.name ??
    freeName(nameFor(relation.name, [rule.id.replaceAll('-', '_'), 'check']), relation, context);
  const add = statementOn(relation, addCheck(relation.name, name, written(author.text)), {
    lock: 'access exclusive',
  });
  return {
    ...draft,
    statements: [...(begun ? [] : [add]), validation(relation, name)],
    undo: [statementText(dropConstraint(relation.name, name))],
    needs: columnsNeeded(
      relation,
      author.columns.map(({ name }) => name),
    ),
  };
}
