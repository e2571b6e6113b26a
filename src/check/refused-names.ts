import { sql, textArray, type Parameter, type Sql } from '../sql/sql.ts';
import type { Session } from '../postgres/database.ts';
import type { Plan } from '../plan/plan.ts';
import type { AuthorSql, Rule } from '../rules/rule.ts';
import type { NameUse } from '../sql/grammar.ts';
import { Problem } from '../support/problem.ts';

/** Functions of pg_catalog that read tables, write or run other code although the server calls them stable, or that eat memory. */
const DENIED_FUNCTIONS: Readonly<Record<string, string>> = {
  table_to_xml: 'reads a whole table',
  table_to_xmlschema: 'reads the catalogue',
  table_to_xml_and_xmlschema: 'reads a whole table',
  schema_to_xml: 'reads a whole schema',
  schema_to_xmlschema: 'reads the catalogue',
  schema_to_xml_and_xmlschema: 'reads a whole schema',
  database_to_xml: 'reads the whole database',
  database_to_xmlschema: 'reads the catalogue',
  database_to_xml_and_xmlschema: 'reads the whole database',
  txid_current: 'takes a transaction id',
  pg_current_xact_id: 'takes a transaction id',
  pg_input_is_valid: 'runs the checks of any type by its name',
  pg_input_error_info: 'runs the checks of any type by its name',
  repeat: 'can take any amount of memory',
};

const FUNCTION_HINT = 'Rules may call the immutable and stable functions that come with Postgres.';
const TYPE_HINT = 'Rules may name the types that come with Postgres, and those of extensions.';

/** What the server knows of the names in all author SQL of a plan. */
type Known = {
  /** Functions that may be called; those of the database itself as `schema.name`. */
  readonly steady: ReadonlySet<string>;
  /** Functions that `t.name` calls where t has no column of that name. */
  readonly onRows: ReadonlySet<string>;
  /** Types that somebody made: a cast to one runs its owner's code. */
  readonly ownTypes: ReadonlySet<string>;
};

/**
 * The first name in each rule's author SQL that may not stand there: a function that is not pg_catalog's, is volatile
 * or is denied, also where it is called as `t.f`; or a type that comes neither with Postgres nor with an extension.
 */
export async function findRefusedNames(plan: Plan, session: Session): Promise<ReadonlyMap<Rule, Problem>> {
  const rules = [...new Set(plan.checks.map(({ rule }) => rule))];
  const uses = rules
    .flatMap((rule) => [...rule.authorSql.values()])
    .flatMap(({ functions, types, attributes }) => [...functions, ...types, ...attributes]);
  const own = uses.flatMap(({ schema }) => schema ?? []);
  if (uses.length === 0) return new Map();
  const schemas = plan.checks.flatMap((check) => ('operatorSchemas' in check ? check.operatorSchemas : []));
  const rows = await session.query(
    lookUp(
      textArray(distinct(uses.map(({ name }) => name))),
      textArray(distinct(schemas)),
      textArray(distinct(own)),
    ),
  );
  const named = (what: string): ReadonlySet<string> =>
    new Set(rows.filter((row) => row['what'] === what).map((row) => row['name'] ?? ''));
  const known = { steady: named('steady'), onRows: named('on rows'), ownTypes: named('own type') };
  return new Map(
    rules.flatMap((rule) => {
      const problems = [...rule.authorSql.values()].map((author) => refuse(author, known));
      const problem = problems.find((each) => each !== undefined);
      return problem ? [[rule, problem] as const] : [];
    }),
  );
}

const distinct = <Value>(values: readonly Value[]): Value[] => [...new Set(values)];

/**
 * A function of a schema on the path can be preferred to pg_catalog's of the same name; an extension's is as good. One
 * that takes a cstring or an internal value is the server's own machinery: `domain_in` runs the check of any domain.
 */
const lookUp = (names: Parameter, schemas: Parameter, own: Parameter): Sql => sql`
  with routine as (
    select p.proname as name, n.nspname as schema, p.provolatile in ('i', 's') as lasting,
      n.nspname = 'pg_catalog' as built_in, n.nspname = any (${schemas}) as on_path, first.typtype,
      exists (
        select from pg_catalog.pg_type a
        where a.oid = any (p.proargtypes) and a.typname in ('cstring', 'internal')
      ) as machinery,
      exists (
        select from pg_catalog.pg_depend d
        where d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and d.objid = p.oid and d.deptype = 'e'
      ) as extension
    from pg_catalog.pg_proc p
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    left join pg_catalog.pg_type first on first.oid = p.proargtypes[0]
    where p.proname = any (${names})
      and (n.nspname = 'pg_catalog' or n.nspname = any (${schemas}) or n.nspname = any (${own}))
  )
  select 'steady' as what, name
  from routine
  where built_in or on_path
  group by name
  having bool_or(built_in) and bool_and(lasting and not machinery and (built_in or extension))
  union all
  select 'steady', schema || '.' || name
  from routine
  where not built_in
  group by schema, name
  having bool_and(lasting and not machinery)
  union all
  select distinct 'on rows', name
  from routine
  where typtype in ('c', 'd', 'p') and (built_in or on_path)
  union all
  select 'own type', t.typname
  from pg_catalog.pg_type t
  join pg_catalog.pg_namespace n on n.oid = t.typnamespace
  where t.typname = any (${names}) and n.nspname = any (${schemas})
    and not exists (
      select from pg_catalog.pg_depend d
      where d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass and d.objid = t.oid and d.deptype = 'e'
    )`;

function refuse({ functions, types, attributes, locate }: AuthorSql, known: Known): Problem | undefined {
  const calls = [...functions, ...attributes.filter(({ name }) => known.onRows.has(name))];
  const call = calls.find((each) => refusal(each, known) !== undefined);
  if (call) {
    const name = call.schema === undefined ? call.name : `${call.schema}.${call.name}`;
    const message = `the function ${name} may not be called in a rule: it ${refusal(call, known)}`;
    return new Problem('sql-not-allowed', message, { at: locate(call.offset), hint: FUNCTION_HINT });
  }
  const type = types.find(({ name }) => known.ownTypes.has(name));
  if (!type) return undefined;
  const message = `the type ${type.name} may not be named in a rule: it comes neither with Postgres nor with an extension`;
  return new Problem('sql-not-allowed', message, { at: locate(type.offset), hint: TYPE_HINT });
}

function refusal({ name, schema }: NameUse, { steady }: Known): string | undefined {
  if (schema !== undefined)
    return steady.has(`${schema}.${name}`)
      ? undefined
      : 'is volatile, or is not there; one that only reads can be declared stable';
  if (Object.hasOwn(DENIED_FUNCTIONS, name)) return DENIED_FUNCTIONS[name];
  return steady.has(name) ? undefined : 'is volatile, or is not one that comes with Postgres';
}
