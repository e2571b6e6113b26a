// What a migration's statements are, as far as rows can stand in their way. Parsed by the real grammar, and never run.
import type { ColumnDef, Constraint, IndexStmt, Node, RangeVar } from '@pgsql/types';
import { loadGrammar, shape } from './grammar.ts';

/** A relation as the statement names it. */
export type WrittenTable = { readonly schema: string | undefined; readonly name: string };

/** What a statement needs of the rows that are there when it runs. */
export type Demand =
  | { readonly needs: 'not_null'; readonly column: string }
  | { readonly needs: 'no_rows'; readonly column: string }
  | {
      readonly needs: 'parents';
      readonly columns: readonly string[];
      readonly parent: WrittenTable;
      /** Empty: the primary key of the parent. */
      readonly keys: readonly string[];
    }
  /** `isOfServer`: the server's own words for a constraint that it has. */
  | { readonly needs: 'condition'; readonly text: string; readonly isOfServer?: boolean }
  | {
      readonly needs: 'no_duplicates';
      readonly columns: readonly string[];
      readonly nullsDiffer: boolean;
      readonly where: string | undefined;
    }
  /** Whatever the constraint of this name says. */
  | { readonly needs: 'constraint'; readonly name: string }
  | { readonly needs: 'unclear'; readonly reason: string };

/** One thing that a migration does, in its order. `line` is where its statement begins, from 1. */
export type MigrationStep = { readonly line: number; readonly endLine: number } & (
  | { readonly does: 'demand'; readonly table: WrittenTable; readonly demand: Demand }
  /** A constraint that a later step may validate. */
  | {
      readonly does: 'declare';
      readonly table: WrittenTable;
      readonly name: string;
      readonly demand: Demand;
    }
  | { readonly does: 'create'; readonly table: WrittenTable; readonly ifNotExists: boolean }
  /** The table is another one from here on, or that column of it is: new and NULL in every row, or another. */
  | {
      readonly does: 'change';
      readonly table: WrittenTable;
      readonly column?: string;
      readonly isNull?: boolean;
    }
  | { readonly does: 'write'; readonly table: WrittenTable }
  | { readonly does: 'path'; readonly schemas: readonly string[] }
  /** What it does cannot be read from its text. */
  | { readonly does: 'anything'; readonly reason: string }
);

export type ReadMigration =
  | { readonly ok: true; readonly steps: readonly MigrationStep[] }
  | { readonly ok: false; readonly message: string; readonly line: number };

/** A step without its place. */
type Bare<Step = MigrationStep> = Step extends unknown ? Omit<Step, 'line' | 'endLine'> : never;

/** Reads a migration's text into what it does, in order; what no row can stand in the way of is left out. */
export async function readMigration(text: string): Promise<ReadMigration> {
  const bytes = Buffer.from(text, 'utf8');
  const lineAt = (byte: number): number => bytes.subarray(0, byte).toString('utf8').split('\n').length;
  // The parser's text ends there, and that of what runs the migration perhaps not.
  if (text.includes('\0')) return { ok: false, message: 'it holds a NUL character', line: 1 };
  const grammar = await loadGrammar();
  try {
    const { stmts = [] } = await grammar.parse(text);
    const steps: MigrationStep[] = [];
    for (const { stmt, stmt_location: from = 0, stmt_len: length } of stmts) {
      const end = length === undefined ? bytes.length : from + length;
      const statement = bytes.subarray(from, end).toString('utf8');
      const tokens = (await grammar.scan(statement)).tokens.filter(({ tokenName }) => !isComment(tokenName));
      const place = { line: lineAt(from + (tokens[0]?.start ?? 0)), endLine: lineAt(end) };
      const context = { from, statement: Buffer.from(statement), tokens };
      const found = stmt ? await readStatement(stmt, context) : [];
      steps.push(...found.map((step) => ({ ...step, ...place }) as MigrationStep));
    }
    return { ok: true, steps };
  } catch (error) {
    if (error instanceof RangeError) return { ok: false, message: 'it is nested too deeply', line: 1 };
    const details = grammar.hasSqlDetails(error) ? error.sqlDetails : undefined;
    const before = [...text].slice(0, details?.cursorPosition ?? 0).join('');
    const message = error instanceof Error ? error.message : 'it cannot be parsed';
    return { ok: false, message, line: before.split('\n').length };
  }
}

const isComment = (token: string): boolean => token === 'SQL_COMMENT' || token === 'C_COMMENT';

type Token = { readonly start: number; readonly end: number; readonly text: string };

/** A statement's own text and its words; `from` is the byte of the file where it begins. */
type Context = { readonly from: number; readonly statement: Buffer; readonly tokens: readonly Token[] };

/** Statements that touch no table which is there, or only in ways that no row can be against. */
const HARMLESS = new Set(
  `AlterCollationStmt AlterDefaultPrivilegesStmt AlterEnumStmt AlterExtensionContentsStmt AlterFunctionStmt
  AlterOpFamilyStmt AlterOperatorStmt AlterOwnerStmt AlterObjectDependsStmt AlterPolicyStmt AlterPublicationStmt
  AlterRoleSetStmt AlterRoleStmt AlterDatabaseStmt AlterDatabaseSetStmt AlterSeqStmt AlterStatsStmt AlterSubscriptionStmt
  AlterSystemStmt AlterTSConfigurationStmt AlterTSDictionaryStmt CheckPointStmt ClosePortalStmt ClusterStmt CommentStmt
  CompositeTypeStmt ConstraintsSetStmt CreateAmStmt CreateCastStmt CreateConversionStmt CreateDomainStmt CreateEnumStmt
  CreateEventTrigStmt CreateFdwStmt CreateForeignServerStmt CreateFunctionStmt CreateOpClassStmt CreateOpFamilyStmt
  CreatePLangStmt CreatePolicyStmt CreatePublicationStmt CreateRangeStmt CreateRoleStmt CreateSeqStmt CreateStatsStmt
  CreateSubscriptionStmt CreateTransformStmt CreateTrigStmt CreateUserMappingStmt CreatedbStmt DeallocateStmt DefineStmt
  DiscardStmt DropOwnedStmt DropRoleStmt DropUserMappingStmt GrantRoleStmt GrantStmt ListenStmt LoadStmt LockStmt
  NotifyStmt PrepareStmt ReassignOwnedStmt ReindexStmt SecLabelStmt TransactionStmt UnlistenStmt VacuumStmt
  VariableShowStmt ViewStmt RuleStmt RefreshMatViewStmt`.split(/\s+/),
);

/** Commands of ALTER TABLE that no row can be against, and after which a table is what it was for later ones. */
const HARMLESS_COMMANDS = new Set(
  `AT_ColumnDefault AT_DropNotNull AT_DropConstraint AT_DropExpression AT_SetStatistics AT_SetOptions AT_ResetOptions
  AT_SetStorage AT_SetCompression AT_AlterConstraint AT_ChangeOwner AT_ClusterOn AT_DropCluster AT_SetLogged AT_SetUnLogged
  AT_SetAccessMethod AT_SetTableSpace AT_SetRelOptions AT_ResetRelOptions AT_ReplaceRelOptions AT_EnableTrig
  AT_EnableAlwaysTrig AT_EnableReplicaTrig AT_DisableTrig AT_EnableTrigAll AT_DisableTrigAll AT_EnableTrigUser
  AT_DisableTrigUser AT_EnableRule AT_EnableAlwaysRule AT_EnableReplicaRule AT_DisableRule AT_ReplicaIdentity
  AT_EnableRowSecurity AT_DisableRowSecurity AT_ForceRowSecurity AT_NoForceRowSecurity AT_DropIdentity AT_SetIdentity
  AT_AddIdentity AT_DropOids`.split(/\s+/),
);

/** Functions in a SELECT that write to no table. */
const HARMLESS_FUNCTIONS = new Set(['set_config', 'setval', 'nextval', 'pg_advisory_xact_lock', 'pg_advisory_lock', 'pg_advisory_unlock', 'now', 'version', 'current_setting']); // prettier-ignore

async function readStatement(node: Node, context: Context): Promise<Bare[]> {
  const [[type, fields] = ['', {}]] = Object.entries(node) as [string, Record<string, unknown>][];
  if (HARMLESS.has(type)) return [];
  if ('AlterTableStmt' in node) {
    const { relation, cmds = [], objtype } = node.AlterTableStmt;
    if (!relation || objtype !== 'OBJECT_TABLE') return [];
    const found = await Promise.all(cmds.map((command) => readCommand(tableOf(relation), command, context)));
    return found.flat();
  }
  if ('IndexStmt' in node) return readIndex(node.IndexStmt, context);
  if ('CreateStmt' in node || 'CreateForeignTableStmt' in node) {
    const create = 'CreateStmt' in node ? node.CreateStmt : node.CreateForeignTableStmt.base;
    const { relation, inhRelations = [], partbound, if_not_exists: ifNotExists = false } = create ?? {};
    if (!relation) return [anything('a table of a form that is not known')];
    const created: Bare = { does: 'create', table: tableOf(relation), ifNotExists };
    const parent = inhRelations[0];
    if (!partbound || !parent || !('RangeVar' in parent)) return [created];
    const reason = 'whether rows of a default partition belong into the new one is not measured';
    return [created, demand(tableOf(parent.RangeVar), { needs: 'unclear', reason })];
  }
  if (type === 'CreateSchemaStmt' || type === 'CreateExtensionStmt' || type === 'AlterExtensionStmt')
    return [];
  if ('CreateTableAsStmt' in node) {
    const { into, if_not_exists: ifNotExists = false, query } = node.CreateTableAsStmt;
    if (!into?.rel) return [];
    const table = tableOf(into.rel);
    return [...writesIn(query), { does: 'create', table, ifNotExists }, { does: 'write', table }];
  }
  if ('VariableSetStmt' in node) return readSet(node.VariableSetStmt);
  if ('RenameStmt' in node && node.RenameStmt.relation)
    return [{ does: 'change', table: tableOf(node.RenameStmt.relation) }];
  if ('AlterObjectSchemaStmt' in node)
    return node.AlterObjectSchemaStmt.relation
      ? [{ does: 'change', table: tableOf(node.AlterObjectSchemaStmt.relation) }]
      : [];
  if ('RenameStmt' in node) return [];
  if ('DropStmt' in node) {
    if (node.DropStmt.removeType !== 'OBJECT_TABLE') return [];
    return (node.DropStmt.objects ?? []).map((each) => ({ does: 'change', table: namedBy(each) }));
  }
  if (/^(Insert|Update|Delete|Merge|Select|Truncate|Copy)Stmt$/.test(type)) return writesIn(node);
  if (type === 'DoStmt') return [anything('a DO block can do anything')];
  if (type === 'CallStmt') return [anything('a procedure can do anything')];
  if (type === 'AlterDomainStmt') return [anything('whether the rows fit a changed domain is not measured')];
  return [
    anything(`${type in fields ? 'it' : `a statement of the form ${type}`} is not one that is understood`),
  ];
}

const anything = (reason: string): Bare => ({ does: 'anything', reason });
const demand = (table: WrittenTable, needed: Demand): Bare => ({ does: 'demand', table, demand: needed });

function tableOf({ schemaname: schema, relname: name = '' }: RangeVar): WrittenTable {
  return { schema, name };
}

function namedBy(node: Node): WrittenTable {
  const names = stringsOf('List' in node ? node.List.items : undefined);
  return { schema: names.at(-2), name: names.at(-1) ?? '' };
}

const stringsOf = (nodes: readonly Node[] | undefined): string[] =>
  (nodes ?? []).flatMap((node) => ('String' in node ? (node.String.sval ?? '') : []));

function readSet({ name, args = [], kind }: { name?: string; args?: Node[]; kind?: string }): Bare[] {
  if (name !== 'search_path') return [];
  if (kind !== 'VAR_SET_VALUE') return [{ does: 'path', schemas: [] }];
  const schemas = args.flatMap((each) => ('A_Const' in each ? (each.A_Const.sval?.sval ?? '') : ''));
  return [{ does: 'path', schemas }];
}

async function readCommand(table: WrittenTable, node: Node, context: Context): Promise<Bare[]> {
  if (!('AlterTableCmd' in node)) return [anything('a command that is not known')];
  const { subtype = '', name = '', def } = node.AlterTableCmd;
  if (HARMLESS_COMMANDS.has(subtype)) return [];
  if (subtype === 'AT_SetNotNull') return [demand(table, { needs: 'not_null', column: name })];
  if (subtype === 'AT_ValidateConstraint') return [demand(table, { needs: 'constraint', name })];
  if (subtype === 'AT_DropColumn') return [{ does: 'change', table, column: name }];
  if (subtype === 'AT_AddConstraint' && def && 'Constraint' in def)
    return readConstraint(table, def.Constraint, context);
  if (subtype === 'AT_AddColumn' && def && 'ColumnDef' in def) return readNewColumn(table, def.ColumnDef);
  if (subtype === 'AT_AlterColumnType' && def && 'ColumnDef' in def) {
    const type = stringsOf(def.ColumnDef.typeName?.names).at(-1);
    const fitsAll = type === 'text' && !def.ColumnDef.raw_default && !def.ColumnDef.typeName?.arrayBounds;
    const reason = `whether every value of ${name} fits the new type is not measured`;
    return fitsAll ? [] : [demand(table, { needs: 'unclear', reason })];
  }
  const reason = `whether the rows allow ${subtype.replace('AT_', '')} is not measured`;
  return [demand(table, { needs: 'unclear', reason })];
}

/** A column that is added: the rows there are get its default, else NULL. */
function readNewColumn(table: WrittenTable, column: ColumnDef): Bare[] {
  const name = column.colname ?? '';
  const constraints = (column.constraints ?? []).flatMap((each) =>
    'Constraint' in each ? each.Constraint : [],
  );
  const has = (type: string): boolean => constraints.some(({ contype }) => contype === type);
  const isFilled = has('CONSTR_DEFAULT') || has('CONSTR_IDENTITY') || has('CONSTR_GENERATED');
  const isSerial = /^(small|big)?serial[248]?$/.test(stringsOf(column.typeName?.names).at(-1) ?? '');
  const change: Bare = { does: 'change', table, column: name };
  if (!isFilled && !isSerial) {
    const isNull: Bare = { ...change, isNull: true };
    return has('CONSTR_NOTNULL') || has('CONSTR_PRIMARY')
      ? [demand(table, { needs: 'no_rows', column: name }), isNull]
      : [isNull];
  }
  const binding = ['CONSTR_CHECK', 'CONSTR_FOREIGN', 'CONSTR_UNIQUE', 'CONSTR_PRIMARY'].filter(has);
  const needsRows = isSerial ? binding.filter((type) => /CHECK|FOREIGN/.test(type)) : binding;
  if (needsRows.length === 0 && !has('CONSTR_GENERATED')) return [change];
  const reason = `whether the value that every row gets in ${name} fits its constraints is not measured`;
  return [demand(table, { needs: 'unclear', reason }), change];
}

async function readConstraint(
  table: WrittenTable,
  constraint: Constraint,
  context: Context,
): Promise<Bare[]> {
  const { contype, skip_validation: notValid = false, conname: name, is_enforced: enforced } = constraint;
  const isEnforced = enforced !== false || !/CHECK|FOREIGN/.test(contype ?? '');
  const needed = await demandOf(constraint, context);
  if (!needed) return [];
  const declared: Bare[] = name === undefined ? [] : [{ does: 'declare', table, name, demand: needed }];
  if (notValid || !isEnforced) return declared;
  const inKey = contype === 'CONSTR_PRIMARY' && needed.needs === 'no_duplicates' ? needed.columns : [];
  const notNull = inKey.map((column) => demand(table, { needs: 'not_null', column }));
  return [...declared, ...notNull, demand(table, needed)];
}

async function demandOf(constraint: Constraint, context: Context): Promise<Demand | undefined> {
  const { contype, keys, indexname, raw_expr, location = 0 } = constraint;
  if (contype === 'CONSTR_NOTNULL') {
    const [column] = stringsOf(keys);
    return column === undefined ? undefined : { needs: 'not_null', column };
  }
  if (contype === 'CONSTR_UNIQUE' || contype === 'CONSTR_PRIMARY') {
    // The index was made by a statement of its own, which is where duplicates are in the way.
    if (indexname !== undefined) {
      if (contype === 'CONSTR_UNIQUE') return undefined;
      return {
        needs: 'unclear',
        reason: `whether the columns of ${indexname} are NOT NULL is not looked at`,
      };
    }
    const nullsDiffer = !constraint.nulls_not_distinct;
    const columns = stringsOf(keys);
    if (constraint.without_overlaps)
      return { needs: 'unclear', reason: 'whether rows overlap is not measured' };
    return { needs: 'no_duplicates', columns, nullsDiffer, where: undefined };
  }
  if (contype === 'CONSTR_FOREIGN' && constraint.pktable) {
    if (constraint.fk_matchtype === 'f' || constraint.fk_with_period)
      return { needs: 'unclear', reason: 'rows under MATCH FULL or PERIOD are not measured' };
    const [columns, listed] = [stringsOf(constraint.fk_attrs), stringsOf(constraint.pk_attrs)];
    return { needs: 'parents', columns, parent: tableOf(constraint.pktable), keys: listed };
  }
  if (contype === 'CONSTR_CHECK' && raw_expr) {
    const text = await sameAs(raw_expr, inBrackets(context, location - context.from));
    return text === undefined ? unreadable : { needs: 'condition', text };
  }
  if (contype === 'CONSTR_EXCLUSION')
    return { needs: 'unclear', reason: 'whether rows exclude each other is not measured' };
  return undefined;
}

const unreadable: Demand = { needs: 'unclear', reason: 'its condition could not be cut out of the file' };

async function readIndex(index: IndexStmt, context: Context): Promise<Bare[]> {
  const { relation, indexParams = [], unique, whereClause, nulls_not_distinct: alike = false } = index;
  if (!unique || !relation) return [];
  const elements = indexParams.flatMap((each) => ('IndexElem' in each ? each.IndexElem : []));
  const columns = elements.flatMap(({ name, opclass, collation }) =>
    name === undefined || opclass || collation ? [] : name,
  );
  const table = tableOf(relation);
  if (columns.length < indexParams.length)
    return [demand(table, { needs: 'unclear', reason: 'duplicates in an expression, or under another operator class or collation, are not measured' })]; // prettier-ignore
  const where = whereClause && (await sameAs(whereClause, afterWhere(context)));
  if (whereClause && where === undefined) return [demand(table, unreadable)];
  return [demand(table, { needs: 'no_duplicates', columns, nullsDiffer: !alike, where })];
}

/** The tree says where an expression begins, and never where it ends: its text counts if it parses to the same tree. */
async function sameAs(tree: Node, text: string | undefined): Promise<string | undefined> {
  if (text === undefined) return undefined;
  const { stmts = [] } = await (await loadGrammar()).parse(`select\n${text}\n`);
  const [first, ...more] = stmts;
  const select = first?.stmt && 'SelectStmt' in first.stmt ? first.stmt.SelectStmt : undefined;
  const [target, ...others] = select?.targetList ?? [];
  const value = target && 'ResTarget' in target ? target.ResTarget.val : undefined;
  return more.length + others.length === 0 && shape(value) === shape(tree) ? text.trim() : undefined;
}

/** What stands in the first brackets from a byte of the statement on. */
function inBrackets({ statement, tokens }: Context, from: number): string | undefined {
  let depth = 0;
  let start = 0;
  for (const token of tokens.filter((each) => each.start >= from)) {
    if (token.text === '(' && ++depth === 1) start = token.end;
    if (token.text === ')' && --depth === 0) return statement.subarray(start, token.start).toString('utf8');
  }
  return undefined;
}

function afterWhere({ statement, tokens }: Context): string | undefined {
  const where = tokens.find(({ text }) => text.toLowerCase() === 'where');
  return where && statement.subarray(where.end).toString('utf8');
}

/** Every table that a statement writes to, however deep; a function of its own may write to any. */
function writesIn(tree: unknown): Bare[] {
  const found: Bare[] = [];
  const walk = (value: unknown): void => {
    if (Array.isArray(value)) return value.forEach(walk);
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      const { relation, relations, is_from: isFrom, funcname } = (inner ?? {}) as WritingFields;
      if (/^(Insert|Update|Delete|Merge)Stmt$/.test(key) || (key === 'CopyStmt' && isFrom))
        if (relation) found.push({ does: 'write', table: tableOf(relation) });
      if (key === 'TruncateStmt')
        for (const each of relations ?? [])
          if ('RangeVar' in each) found.push({ does: 'write', table: tableOf(each.RangeVar) });
      const called = key === 'FuncCall' ? stringsOf(funcname).at(-1) : undefined;
      if (called !== undefined && 'SelectStmt' in (tree as object) && !HARMLESS_FUNCTIONS.has(called))
        found.push(anything(`the function ${called} can do anything`));
      walk(inner);
    }
  };
  walk(tree);
  return found;
}

type WritingFields = {
  readonly relation?: RangeVar;
  readonly relations?: readonly Node[];
  readonly is_from?: boolean;
  readonly funcname?: readonly Node[];
};
