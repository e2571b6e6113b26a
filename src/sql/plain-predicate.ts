import type { A_Expr, Node, TypeName } from '@pgsql/types';

const COMPARISONS = new Set(['=', '<>', '<', '<=', '>', '>=']);

/**
 * Types of pg_catalog whose input functions read the text of a constant and nothing else. Not among them: reg* (they
 * look into the catalogue), bpchar, varchar and bit (with a length they pad a short text to megabytes), json and xml.
 */
const CONSTANT_TYPES = new Set(
  'bool int2 int4 int8 numeric float4 float8 text uuid date time timetz timestamp timestamptz interval'.split(
    ' ',
  ),
);

/**
 * Whether an expression is made of nothing but columns, constants, comparisons, null tests, boolean tests, lists of
 * constants, and, or, not. It calls no function by name, and costs about what reading the row costs.
 */
export function isPlainPredicate(node: Node | undefined): boolean {
  if (node === undefined) return false;
  if ('ColumnRef' in node || 'A_Const' in node) return true;
  if ('NullTest' in node) return isPlainPredicate(node.NullTest.arg);
  if ('BooleanTest' in node) return isPlainPredicate(node.BooleanTest.arg);
  if ('BoolExpr' in node) return (node.BoolExpr.args ?? []).every(isPlainPredicate);
  if ('TypeCast' in node) return isConstant(node.TypeCast.arg) && isConstantType(node.TypeCast.typeName);
  return 'A_Expr' in node && isPlainComparison(node.A_Expr);
}

function isPlainComparison({ kind, name = [], lexpr, rexpr }: A_Expr): boolean {
  const [operator, ...more] = name;
  const isComparison =
    operator !== undefined && 'String' in operator && COMPARISONS.has(operator.String.sval ?? '');
  if (!isComparison || more.length > 0 || !isPlainPredicate(lexpr)) return false;
  if (kind === 'AEXPR_OP') return isPlainPredicate(rexpr);
  return (
    kind === 'AEXPR_IN' &&
    rexpr !== undefined &&
    'List' in rexpr &&
    (rexpr.List.items ?? []).every(isConstant)
  );
}

const isConstant = (node: Node | undefined): boolean => node !== undefined && 'A_Const' in node;

function isConstantType({ names = [], typmods, arrayBounds, setof, pct_type }: TypeName = {}): boolean {
  const words = names.map((name) => ('String' in name ? (name.String.sval ?? '') : ''));
  const [schema, name] = words.length === 1 ? ['pg_catalog', words[0]] : words;
  const isBare = !typmods && !arrayBounds && !setof && !pct_type;
  return isBare && words.length <= 2 && schema === 'pg_catalog' && CONSTANT_TYPES.has(name ?? '');
}
