import type { ColumnUse, NameUse } from '../sql/grammar.ts';
import type { CheckedSql } from '../sql/sql.ts';
import type { Identifier } from '../sql/identifier.ts';
import type { Position } from '../support/problem.ts';
import type { RuleOrigin } from './rule-files.ts';
import type { KindName, KindSpecs } from './rule-schema.ts';

export const SEVERITIES = ['error', 'warning', 'notice'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** Where a rule stands in its file; lines and columns count from 1. */
type Source = Position & { readonly endLine: number };

/**
 * SQL that an author wrote in a rule: through the grammar check, not yet near a server. An `expression` has every
 * column it names listed, so that they can be looked up, and written with the alias of the checked table.
 */
export type AuthorSql = {
  readonly text: string;
  readonly columns: readonly ColumnUse[];
  /** Every function that it calls, and every type that it names without a schema. */
  readonly functions: readonly NameUse[];
  readonly types: readonly NameUse[];
  /** What stands behind a dot in a query: a column, or a call in disguise. */
  readonly attributes: readonly NameUse[];
  /**
   * Whether it is a predicate of columns and constants alone: comparisons, null and boolean tests, lists, and, or,
   * not. What is not plain is raw SQL: it runs in a session of its own, and not at all where a pull request changed it.
   */
  readonly isPlain: boolean;
  /** For a plain predicate, the columns one of which is NULL wherever it is; undefined where that is not known. */
  readonly nullFrom: readonly Identifier[] | undefined;
  /** The same SQL with each column written as `alias.column`; for a query, the text as it is. */
  qualified(alias: Identifier): CheckedSql;
  /** Where character `offset` of `text` (in code points, from 0) stands in the file. */
  locate(offset: number): Position;
};

/** Which relations a rule is about. */
export type TableSelector =
  | { readonly by: 'name'; readonly tables: readonly NamedTable[] }
  | {
      readonly by: 'column';
      readonly column: Identifier;
      readonly except: readonly NamedTable[];
      readonly at: Position;
    }
  | { readonly by: 'none' };

/** A table as the author wrote it: a bare name, or `schema.table`. */
export type NamedTable = { readonly written: string; readonly at: Position };

type RuleBase = {
  readonly id: string;
  readonly why: string | undefined;
  readonly severity: Severity;
  readonly tables: TableSelector;
  /** A schema's name, or a pattern with `*`, in which bare table names are looked up. */
  readonly schema: string;
  readonly where: AuthorSql | undefined;
  readonly maxViolations: number;
  /** Counting stops at this many violations, always more than are allowed; undefined counts them all. */
  readonly countLimit: number | undefined;
  /** Counts may not rise above the recorded ones; `stallDays` is how long one may stay before that is told. */
  readonly ratchet: { readonly stallDays: number | undefined } | undefined;
  /** Rows whose column is above the value, or NULL, are new: those that break the rule are leaks. */
  readonly since: { readonly column: string; readonly value: string } | undefined;
  /** The first phase in which the rule can fail a run; undefined means always. */
  readonly enforceFrom: string | undefined;
  /** The phases of the rule's file, in order; empty when it declares none. */
  readonly phases: readonly string[];
  readonly remedy: string | undefined;
  /** Set where no rules file asks, but a statement of a migration: the table that it names, for reports. */
  readonly migration?: { readonly table: string | undefined };
  /** Globs of files, such as migrations, that a break is annotated on. */
  readonly paths: readonly string[];
  readonly timeoutMs: number | undefined;
  readonly source: Source;
  /** The place of a value inside the rule, such as `['on', 'tenant_id']`; the rule's own where there is none. */
  locate(path: readonly (string | number)[]): Position;
  /** Author SQL of this rule by its key (`where`, `when`, `then`, `query`, `check`). */
  readonly authorSql: ReadonlyMap<string, AuthorSql>;
};

/** One rule of one kind, with that kind's own keys in `spec`. */
export type RuleOf<Kind extends KindName> = RuleBase & {
  readonly kind: Kind;
  readonly spec: KindSpecs[Kind];
};

export type Rule = { [Kind in KindName]: RuleOf<Kind> }[KindName];

/** All rules of a run. */
export type RuleSet = {
  readonly files: readonly string[];
  /** SHA-256 over the files' texts in order, in hex: the same rules give the same hash. */
  readonly hash: string;
  readonly rules: readonly Rule[];
  readonly origin: RuleOrigin;
};

/** Whether a rule holds SQL that is more than plain predicates: a query, a call, an operator that is no comparison. */
export function holdsRawSql(rule: Rule): boolean {
  return [...rule.authorSql.values()].some(({ isPlain }) => !isPlain);
}
