// What `catalog.ts` asks: four queries, by the run's snapshot.
import { sql, type Sql } from '../sql/sql.ts';

const userRelation = sql`
  r.relkind in ('r', 'p', 'v', 'm', 'f')
  and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
  and n.nspname !~ '^pg_(toast_)?temp_'`;

/**
 * Whether the expressions of an object call functions, or use operators, that somebody made and can replace. What an
 * extension brings is as good as the server's own, of which pg_depend knows nothing.
 */
const reliesOnCode = (catalog: Sql, oid: Sql): Sql => sql`exists (
  select from pg_catalog.pg_depend uses
  where uses.classid = ${catalog} and uses.objid = ${oid}
    and uses.refclassid in ('pg_catalog.pg_proc'::pg_catalog.regclass, 'pg_catalog.pg_operator'::pg_catalog.regclass)
    and not exists (
      select from pg_catalog.pg_depend member
      where member.classid = uses.refclassid and member.objid = uses.refobjid and member.deptype = 'e'
    )
)`;

/**
 * Whether the collation `c` has another version now than what is stored was sorted and checked by, or none any more. The
 * database keeps the version of its own since PostgreSQL 15, and since 16 tells the one of now.
 */
const isOutdated = sql`exists (
  select from (
    select case c.collprovider when 'd' then (
        select pg_catalog.to_jsonb(d) operator(pg_catalog.->>) 'datcollversion'
        from pg_catalog.pg_database d where d.datname = pg_catalog.current_database()
      ) else c.collversion end as stored,
      pg_catalog.pg_collation_actual_version(c.oid) as now
  ) as version
  where version.stored is not null and case
    when version.now is null then c.collprovider <> 'd' or pg_catalog.current_setting('server_version_num')::int >= 160000
    else version.stored <> version.now
  end
)`;

/** Every relation, with its direct children: partitions, and tables that inherit from it. */
export const relationsQuery = sql`
  select r.oid::text as relation, n.nspname as schema, r.relname as name, r.relkind, r.relispartition as is_partition,
    coalesce(
      (select pg_catalog.jsonb_agg(i.inhrelid::text) from pg_catalog.pg_inherits i where i.inhparent = r.oid), '[]'
    )::text as children,
    coalesce(
      (
        select pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('name', c.conname, 'columns', (
          select coalesce(pg_catalog.jsonb_agg(a.attname), '[]') from pg_catalog.pg_attribute a
          where a.attrelid = c.conrelid and a.attnum = any (c.conkey)
        ), 'by_code', ${reliesOnCode(sql`'pg_catalog.pg_constraint'::pg_catalog.regclass`, sql`c.oid`)}) order by c.conname)
        from pg_catalog.pg_constraint c where c.conrelid = r.oid and c.contype = 'c' and c.convalidated
      ), '[]'
    )::text as checks,
    r.relispartition and exists (
      select from pg_catalog.pg_partition_ancestors(r.oid) above
      where ${reliesOnCode(sql`'pg_catalog.pg_class'::pg_catalog.regclass`, sql`above.relid::oid`)}
    ) as bounds_by_code,
    exists (select from pg_catalog.pg_collation c where c.collprovider = 'd' and ${isOutdated}) or exists (
      select from (
        select a.attcollation as oid from pg_catalog.pg_attribute a where a.attrelid = r.oid
        union
        select d.refobjid from (
          select 'pg_catalog.pg_class'::pg_catalog.regclass as class, r.oid
          union all select 'pg_catalog.pg_class'::pg_catalog.regclass, x.indexrelid from pg_catalog.pg_index x where x.indrelid = r.oid
          union all select 'pg_catalog.pg_constraint'::pg_catalog.regclass, k.oid from pg_catalog.pg_constraint k where k.conrelid = r.oid
        ) as own
        join pg_catalog.pg_depend d on d.classid = own.class and d.objid = own.oid and d.refclassid = 'pg_catalog.pg_collation'::pg_catalog.regclass
      ) as used
      join pg_catalog.pg_collation c on c.oid = used.oid
      where c.collprovider <> 'd' and ${isOutdated}
    ) as outdated,
    r.relpages::text as pages, greatest(r.reltuples, 0)::text as rows
  from pg_catalog.pg_class r
  join pg_catalog.pg_namespace n on n.oid = r.relnamespace
  where ${userRelation}
  order by n.nspname, r.relname`;

/**
 * The types of all columns, each below any domain, with its `=`: its own, or that of all types of its sort. The `=` of a
 * type is that of its default operator class, which only a superuser can make. Types of one family are compared with
 * each other by one notion of equal, and whole numbers with numeric ones too.
 */
const types = sql`
  base as materialized (
    select declared.oid as declared, below.oid, below.typtype, below.typnamespace, case
        when below.oid = 'pg_catalog.varchar'::regtype then 'pg_catalog.text'::regtype
        when below.oid = 'pg_catalog.cidr'::regtype then 'pg_catalog.inet'::regtype
        when below.typtype = 'e' then 'pg_catalog.anyenum'::regtype
        when below.typtype = 'c' then 'pg_catalog.record'::regtype
        when below.typtype = 'r' then 'pg_catalog.anyrange'::regtype
        when below.typtype = 'm' then pg_catalog.to_regtype('pg_catalog.anymultirange')
        when below.typcategory = 'A' then 'pg_catalog.anyarray'::regtype
      end::oid as sort
    from (
      select distinct a.atttypid as oid
      from pg_catalog.pg_class r
      join pg_catalog.pg_namespace n on n.oid = r.relnamespace
      join pg_catalog.pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
      where ${userRelation}
    ) declared
    cross join lateral (
      with recursive below as (
        select t.oid, t.typtype, t.typbasetype, t.typcategory, t.typnamespace
        from pg_catalog.pg_type t where t.oid = declared.oid
        union all
        select d.oid, d.typtype, d.typbasetype, d.typcategory, d.typnamespace
        from below join pg_catalog.pg_type d on below.typtype = 'd' and d.oid = below.typbasetype
      )
      select * from below where below.typtype <> 'd'
    ) below
  ),
  equality as materialized (
    select distinct on (class.opcintype) class.opcintype as type, member.amopopr as operator, input.typtype = 'p' as polymorphic,
      case when family.opfname in ('integer_ops', 'numeric_ops') and family.opfnamespace = 'pg_catalog'::regnamespace
        then 'numbers' else 'family ' || family.oid end as notion
    from pg_catalog.pg_opclass class
    join pg_catalog.pg_type input on input.oid = class.opcintype
    join pg_catalog.pg_opfamily family on family.oid = class.opcfamily
    join pg_catalog.pg_am method on method.oid = class.opcmethod and method.amname in ('btree', 'hash')
    join pg_catalog.pg_amop member on member.amopfamily = class.opcfamily
      and member.amoplefttype = class.opcintype and member.amoprighttype = class.opcintype
      and member.amopstrategy = case method.amname when 'btree' then 3 else 1 end
    where class.opcdefault and class.opcintype in (select oid from base union all select sort from base)
    order by class.opcintype, method.amname
  ),
  compared as materialized (
    select base.declared, base.oid, base.typtype, base_schema.nspname as schema,
      coalesce(own.operator, shared.operator) as operator,
      case when own.type is null and coalesce(shared.polymorphic, true) then 'type ' || base.oid
        else coalesce(own.notion, shared.notion) end as notion,
      operator_schema.nspname as operator_schema
    from base
    join pg_catalog.pg_namespace base_schema on base_schema.oid = base.typnamespace
    left join equality own on own.type = base.oid
    left join equality shared on own.type is null and shared.type = base.sort
    left join pg_catalog.pg_operator equals on equals.oid = own.operator and equals.oprname = '='
    left join pg_catalog.pg_operator differs
      on differs.oid = equals.oprnegate and differs.oprname = '<>' and differs.oprnamespace = equals.oprnamespace
    left join pg_catalog.pg_namespace operator_schema
      on operator_schema.oid = differs.oprnamespace and operator_schema.nspname <> 'pg_catalog'
  )`;

// to_jsonb reads columns of pg_constraint that only newer servers have: conenforced and conperiod are PostgreSQL 18's.
export const columnsQuery = sql`
  with ${types}
  select r.oid::text as relation, a.attname as name,
    pg_catalog.format_type(a.atttypid, a.atttypmod) as type,
    pg_catalog.format_type(base.oid, null) as base_type,
    base.typtype = 'c' as is_composite,
    base.notion as equality,
    base.operator_schema,
    case when base.typtype = 'b' and base.schema <> 'pg_catalog' then base.schema end as type_schema,
    collation_schema.nspname as collation_schema, loose.collname as collation_name,
    a.attcollation::text as collation, base.operator::text as operator,
    a.attnotnull as not_null,
    a.attnotnull and coalesce(not_null.convalidated, true)
      and coalesce((pg_catalog.to_jsonb(not_null) ->> 'conenforced')::boolean, true) as not_null_validated,
    not_null.conname as not_null_name,
    case when a.attidentity <> '' then 'identity' when a.attgenerated <> '' then 'expression'
      when a.atthasdef then 'default' when t.typdefault is not null then 'type' end as filled_by
  from pg_catalog.pg_class r
  join pg_catalog.pg_namespace n on n.oid = r.relnamespace
  join pg_catalog.pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
  join pg_catalog.pg_type t on t.oid = a.atttypid
  join compared base on base.declared = a.atttypid
  left join pg_catalog.pg_collation loose on loose.oid = a.attcollation and not loose.collisdeterministic
  left join pg_catalog.pg_namespace collation_schema on collation_schema.oid = loose.collnamespace
  left join pg_catalog.pg_constraint not_null
    on not_null.conrelid = r.oid and not_null.contype = 'n' and not_null.conkey = array[a.attnum]
  where ${userRelation}
  order by r.oid, a.attnum`;

/**
 * A foreign key of partitioned tables is a tree of constraints. Those that stand for a partition of the referenced
 * table are left out, but their triggers count: they keep the referenced rows of the whole tree.
 */
export const foreignKeysQuery = sql`
  with recursive tree as (
    select c.oid, c.oid as root from pg_catalog.pg_constraint c where c.contype = 'f' and c.conparentid = 0
    union all
    select c.oid, tree.root from tree join pg_catalog.pg_constraint c on c.conparentid = tree.oid and c.contype = 'f'
  ), disabled as materialized (
    select tree.root, g.tgconstraint, g.tgrelid = c.confrelid as of_parent
    from tree
    join pg_catalog.pg_constraint c on c.oid = tree.oid
    join pg_catalog.pg_trigger g on g.tgconstraint = c.oid and g.tgenabled not in ('O', 'A')
  ), fed as materialized (
    -- What a subscription writes fires no trigger of a foreign key, of the table that it names or of a part of it.
    select related.relid as oid
    from pg_catalog.pg_subscription_rel s
    cross join lateral (
      select relid from pg_catalog.pg_partition_ancestors(s.srrelid)
      union
      select relid from pg_catalog.pg_partition_tree(s.srrelid)
      union
      select s.srrelid
    ) related
  ), undoing as materialized (
    -- A cascade is a DELETE or UPDATE of the rows: these can make it do nothing, and nobody looks again.
    select g.tgrelid as oid, g.tgtype & 8 <> 0 as deletes, g.tgtype & 16 <> 0 as updates
    from pg_catalog.pg_trigger g
    where g.tgtype & 3 = 3 and not g.tgisinternal and g.tgenabled <> 'D'
    union all
    select w.ev_class, w.ev_type = '4', w.ev_type = '2'
    from pg_catalog.pg_rewrite w
    where w.is_instead and w.ev_type in ('2', '4') and w.ev_enabled <> 'D'
  )
  select r.oid::text as relation, c.conname as name, parent_schema.nspname as parent_schema, parent.relname as parent_name,
    c.convalidated as validated, c.confmatchtype = 'f' as match_full,
    coalesce((pg_catalog.to_jsonb(c) ->> 'conperiod')::boolean, false) as temporal,
    coalesce((pg_catalog.to_jsonb(c) ->> 'conenforced')::boolean, true)
      and c.oid not in (select tgconstraint from disabled)
      and tree.root not in (select disabled.root from disabled where of_parent) as enforced,
    c.conrelid in (select oid from fed) or c.confrelid in (select oid from fed) or exists (
      select from undoing
      where undoing.oid = c.conrelid and (
        undoing.deletes and c.confdeltype = 'c'
        or undoing.updates and (c.confdeltype in ('n', 'd') or c.confupdtype in ('c', 'n', 'd'))
      )
    ) as bypassed,
    (
      select pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(child_column.attname, parent_column.attname) order by pair.position)
      from unnest(c.conkey, c.confkey) with ordinality as pair (child, parent, position)
      join pg_catalog.pg_attribute child_column on child_column.attrelid = c.conrelid and child_column.attnum = pair.child
      join pg_catalog.pg_attribute parent_column on parent_column.attrelid = c.confrelid and parent_column.attnum = pair.parent
    )::text as pairs
  from tree
  join pg_catalog.pg_constraint c on c.oid = tree.oid
  join pg_catalog.pg_constraint root on root.oid = tree.root and root.confrelid = c.confrelid
  join pg_catalog.pg_class r on r.oid = c.conrelid
  join pg_catalog.pg_namespace n on n.oid = r.relnamespace
  join pg_catalog.pg_class parent on parent.oid = c.confrelid
  join pg_catalog.pg_namespace parent_schema on parent_schema.oid = parent.relnamespace
  where ${userRelation}
  order by r.oid, c.conname`;

/** Of each key of an index, its column, the `=` that it is compared by, and its collation. */
export const indexesQuery = sql`
  select r.oid::text as relation, i.relname as name, method.amname as method, x.indisunique as is_unique, x.indisprimary as is_primary,
    x.indpred is not null as partial, x.indimmediate as immediate, i.relpages::text as pages,
    x.indisvalid and x.indisready and x.indislive and not (i.relkind = 'I' and exists (
      with recursive below as (
        select inhrelid as oid from pg_catalog.pg_inherits where inhparent = i.oid
        union all
        select p.inhrelid from below join pg_catalog.pg_inherits p on p.inhparent = below.oid
      )
      select from below join pg_catalog.pg_index part on part.indexrelid = below.oid
      where not (part.indisvalid and part.indisready and part.indislive)
    )) as valid,
    exists (
      select from unnest(x.indcollation::oid[]) as key (oid)
      join pg_catalog.pg_collation c on c.oid = key.oid
      where ${isOutdated}
    ) as outdated,
    (
      select pg_catalog.jsonb_agg(
        pg_catalog.jsonb_build_array(a.attname, member.amopopr::text, key.key_collation::text) order by key.position
      )
      from unnest(x.indkey::int2[], x.indclass::oid[], x.indcollation::oid[])
        with ordinality as key (attnum, class, key_collation, position)
      join pg_catalog.pg_opclass class on class.oid = key.class
      left join pg_catalog.pg_amop member on member.amopfamily = class.opcfamily
        and member.amoplefttype = class.opcintype and member.amoprighttype = class.opcintype
        and member.amopstrategy = case method.amname when 'btree' then 3 when 'hash' then 1 end
      left join pg_catalog.pg_attribute a on a.attrelid = r.oid and a.attnum = key.attnum and key.attnum > 0
      where key.position <= x.indnkeyatts
    )::text as keys
  from pg_catalog.pg_index x
  join pg_catalog.pg_class i on i.oid = x.indexrelid
  join pg_catalog.pg_am method on method.oid = i.relam
  join pg_catalog.pg_class r on r.oid = x.indrelid
  join pg_catalog.pg_namespace n on n.oid = r.relnamespace
  where ${userRelation}
  order by r.oid, x.indisprimary desc, i.relname`;
