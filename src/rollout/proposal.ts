import type { Column, Relation } from '../postgres/catalog.ts';
import type { Identifier } from '../sql/identifier.ts';

export type Pair = { readonly child: Identifier; readonly parent: Identifier };

/** What a proposed rule says, whichever tables it is about. */
export type ProposedBody =
  | { readonly kind: 'not_null'; readonly column: string }
  | { readonly kind: 'references'; readonly parent: Relation; readonly on: readonly Pair[] }
  | {
      readonly kind: 'matches_parent';
      readonly parent: Relation;
      readonly on: readonly Pair[];
      readonly match: Pair;
    }
  | { readonly kind: 'implies'; readonly links: readonly Column[]; readonly then: Column }
  | { readonly kind: 'exactly_one_of'; readonly columns: readonly string[] }
  | {
      readonly kind: 'agrees';
      readonly parents: readonly {
        readonly parent: Relation;
        readonly on: readonly Pair[];
        readonly column: string;
      }[];
    }
  | { readonly kind: 'schema'; readonly want: Want }
  | {
      readonly kind: 'coverage';
      readonly schema: string;
      readonly root: Relation;
      readonly columns: readonly string[];
      readonly globals: readonly Relation[];
    };

/** What the catalogue has to have at the end. */
export type Want =
  | { readonly not_null: string }
  | { readonly foreign_key: { readonly parent: Relation; readonly on: readonly Pair[] } }
  | { readonly unique: readonly string[] }
  | { readonly check: { readonly links: readonly Column[]; readonly then: Column } };

/** A rule that the catalogue calls for. */
export type Proposal = {
  /** What it is named for; made unique when it is written. */
  readonly id: string;
  readonly why: string;
  /** The phase from which it fails a run; undefined: always. */
  readonly from: (typeof PHASES)[number][0] | undefined;
  readonly body: ProposedBody;
  /** The tables that it is about; none for `coverage`, which finds its own. */
  readonly tables: readonly Relation[];
};

/** The phases of a pack, with what each of them means. */
export const PHASES = [
  ['1', 'the columns that hold the tenant are there, nullable, with their indexes'],
  ['1.5', 'what is written agrees with its parents'],
  ['2', 'the rows there were are filled'],
  ['3', 'the database itself keeps all of it: NOT NULL, foreign keys, composite foreign keys'],
] as const;
