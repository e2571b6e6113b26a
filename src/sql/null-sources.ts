import type { A_Expr, Node } from '@pgsql/types';
import { identifier, type Identifier } from './identifier.ts';

/**
 * The columns one of which has to be NULL where a plain predicate is: its operators give a value for values, and a
 * null test always does. Undefined where a constant NULL stands in it, which makes it NULL by itself.
 */
export function nullSourcesOf(node: Node | undefined): readonly Identifier[] | undefined {
  if (node === undefined) return undefined;
  if ('NullTest' in node || 'BooleanTest' in node) return [];
  if ('A_Const' in node) return node.A_Const.isnull ? undefined : [];
  if ('TypeCast' in node) return nullSourcesOf(node.TypeCast.arg);
  if ('ColumnRef' in node) return columnOf(node.ColumnRef.fields);
  if ('BoolExpr' in node) return fromAll(node.BoolExpr.args ?? []);
  return 'A_Expr' in node ? fromAll(operandsOf(node.A_Expr)) : undefined;
}

function operandsOf({ lexpr, rexpr }: A_Expr): (Node | undefined)[] {
  const right = rexpr !== undefined && 'List' in rexpr ? (rexpr.List.items ?? []) : [rexpr];
  return [lexpr, ...right];
}

function fromAll(nodes: readonly (Node | undefined)[]): readonly Identifier[] | undefined {
  const found = nodes.map(nullSourcesOf);
  return found.every((each) => each !== undefined) ? [...new Set(found.flat())] : undefined;
}

function columnOf(fields: Node[] = []): readonly Identifier[] | undefined {
  const [field, ...more] = fields;
  const isColumn = field !== undefined && 'String' in field && more.length === 0;
  return isColumn ? [identifier(field.String.sval ?? '')] : undefined;
}
