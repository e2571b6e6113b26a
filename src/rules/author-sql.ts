import type { CheckedExpression, CheckedSelect } from '../sql/grammar.ts';
import type { Identifier } from '../sql/identifier.ts';
import type { Position } from '../support/problem.ts';
import type { AuthorSql } from './rule.ts';

/** Author SQL that the grammar check has let through, as a rule carries it. */
export function makeAuthorSql(
  text: string,
  checked: CheckedExpression | CheckedSelect,
  locate: (offset: number) => Position,
): AuthorSql {
  const isSelect = 'text' in checked;
  return {
    text,
    columns: isSelect ? [] : checked.columns,
    functions: checked.functions,
    isPlain: !isSelect && checked.isPlain,
    nullFrom: isSelect ? undefined : checked.nullFrom,
    types: checked.types,
    attributes: checked.attributes,
    qualified: (alias: Identifier) => (isSelect ? checked.text : checked.qualified(alias)),
    locate,
  };
}
