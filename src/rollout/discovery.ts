import type { Hop } from '../kinds/tenancy.ts';
import type { Column, ForeignKey, Relation } from '../postgres/catalog.ts';
import type { Identifier } from '../sql/identifier.ts';
import type { RootCandidate } from './find-roots.ts';

type Pair = { readonly child: Identifier; readonly parent: Identifier };

/** A way from a table to another one of a tenant's; `key` is undefined where the columns' names alone say so. */
export type Link = {
  readonly parent: TenantTable;
  /** What makes the row the parent's: without the tenant's own columns. */
  readonly on: readonly Pair[];
  readonly key: ForeignKey | undefined;
};

/** A table whose rows belong to a tenant. */
export type TenantTable = {
  readonly relation: Relation;
  /** The column that holds the tenant of a row; undefined where its rows belong to one by their links alone. */
  readonly column: Column | undefined;
  /** Further columns that hold a tenant, as of a transfer between two. */
  readonly others: readonly Column[];
  /** The shortest way to the tenant where it has no column of its own. */
  readonly path: readonly Hop[];
  /** Filled once all tables are known. */
  readonly links: Link[];
};

/** A row and its parent both hold the tenant: `child` of the row has to be `parent` of the parent. */
export type Edge = Omit<Link, 'key'> & {
  readonly table: TenantTable;
  readonly match: Pair;
  /** A foreign key over link and tenant that makes them agree; undefined where none does. */
  readonly keptBy: ForeignKey | undefined;
};

/** What the catalogue leaves open: each can hold rows that are in no tenant, or in the wrong one. */
export type Gap =
  | { readonly gap: 'nullable'; readonly table: TenantTable; readonly column: Column }
  | { readonly gap: 'unreferenced'; readonly table: TenantTable; readonly column: Column }
  | { readonly gap: 'disagreement'; readonly table: TenantTable; readonly edge: Edge }
  | { readonly gap: 'diamond'; readonly table: TenantTable; readonly links: readonly [Link, Link] }
  | { readonly gap: 'unbound'; readonly table: TenantTable; readonly columns: readonly Column[] }
  | {
      readonly gap: 'log';
      readonly table: TenantTable;
      readonly column: Column;
      readonly links: readonly Column[];
    };

/** A column that is named for the tenant and cannot be compared with its key. */
export type Doubt = { readonly relation: Relation; readonly column: Column };

/** What a person said beforehand. */
export type DiscoverOptions = {
  /** The table of tenants; undefined takes the likeliest. */
  readonly root?: Relation | undefined;
  /** Further names of columns that hold a tenant. */
  readonly columns: readonly string[];
  /** The schemas whose tables are told of; empty means all. Ways lead through all of them. */
  readonly schemas: readonly string[];
  /** Tables that all tenants share. */
  readonly globals: ReadonlySet<Relation>;
};

/** What the catalogue says of tenants. Nothing in it was read from a table. */
export type Discovery = {
  readonly asked: DiscoverOptions;
  readonly candidates: readonly RootCandidate[];
  /** The table of tenants. */
  readonly root: RootCandidate;
  /** Names of columns that hold a tenant, the commonest first. */
  readonly columns: readonly { readonly name: string; readonly tables: number }[];
  readonly tables: readonly TenantTable[];
  /** Tables that belong to no tenant. */
  readonly globals: readonly Relation[];
  readonly edges: readonly Edge[];
  readonly gaps: readonly Gap[];
  readonly doubts: readonly Doubt[];
};
