// Guards between the server's answers, the workflow's events and a verdict, as a list; it reads best in one piece.
import { of, type Guard } from './guard.ts';

const traps = (what: string): string => `proves nothing: ${what}`;
const BY_CATALOGUE = 'attempts are refused by the catalogue, and nothing has changed (owner, pg)';
const UNCONNECTED = 'attempts are refused unconnected, and nothing has changed (owner, pg)';
const SETTINGS = 'no setting of a role or a database changes what is counted';
const FOREIGN_TABLE = 'a foreign table is unknown, and does not hide what the others say';
const DATABASE_CODE =
  'code of the database that checks run is named: volatile behind views, and what a rule asks for';

/** What stands between a fault, a blind spot or somebody else's pull request, and a false green. */
export const serverAndWorkflow: readonly Guard[] = [
  ...of('src/postgres/snapshot.ts', 'test/postgres/schema-traps.test.ts', [
    ['hidden rows are not taken for none', `row_security: 'off'`, `row_security: 'on'`, 'rows that a policy hides are unknown, not held (pg)'],
    ['no statement without a time limit', 'statement_timeout: String(limits.statementTimeoutMs)', `statement_timeout: '0'`, 'a check that runs out of its time is unknown, and the next one is measured (pg)'],
  ]),
  ...of('src/postgres/snapshot.ts', 'test/postgres/own-sessions.test.ts', [
    ['no lock outlives a silent client for long', 'String(IDLE_WITH_LOCKS_TIMEOUT_MS)', 'String(IDLE_TIMEOUT_MS)', 'while a session holds locks it ends itself after ten seconds without its client'],
  ]),
  ...of('src/postgres/snapshot.ts', 'test/postgres/session-settings.test.ts', [
    ['an index leaves out no row at random', "  gin_fuzzy_search_limit: '0',\n", '', SETTINGS],
    ['NULL means the same in every database', "    transform_null_equals: 'off',\n", '', SETTINGS],
  ]),
  ...of('src/postgres/server-target.ts', 'test/postgres/session-settings.test.ts', [
    ['what is read past damage is no answer', `=== 'on') throw`, `=== 'no') throw`, 'where zero_damaged_pages lets the server read past damage, nothing is measured'],
  ]),
  ...of('src/postgres/savepoint.ts', 'test/postgres/schema-traps.test.ts', [
    ['an error costs its own check', '    if (isBegun && session.alive) await session.query(sql`rollback to savepoint aside`);\n', '', 'a check that runs out of its time is unknown, and the next one is measured (pg)'],
  ]),
  ...of('src/postgres/errors.ts', 'test/unit/postgres/errors.test.ts', [
    ['what a function raises does not pass for a lost session', 'failure.routine === RAISE_ROUTINE', 'failure.routine === undefined', 'what a function raises is its own error, whatever SQLSTATE it takes'],
  ]),
  ...of('src/postgres/connect.ts', 'test/postgres/driver-conformance.test.ts', [
    ['a server that is not up yet is asked again', 'if (late || signal?.aborted || !isPassing(problem)) throw problem;', 'throw problem;', 'pg: a server that refuses at first is tried again'],
    ['a login that was refused is not', '!isPassing(problem)', 'false', 'pg: a login that is refused is not tried again'],
  ]),
  ...of('src/postgres/connection-url.ts', 'test/unit/postgres/connection-string.test.ts', [
    ['an unset secret dials nobody', `if (text === '') throw`, `if (text === 'x') throw`, 'an empty URL is refused even where the environment names a database'],
  ]),
  ...of('src/postgres/connection-string.ts', 'test/unit/postgres/connection-string.test.ts', [
    ['no password goes to whoever answers', `strict ? 'verify-full' : 'prefer'`, `strict ? 'prefer' : 'prefer'`, 'without sslmode a server on this machine is preferred by TLS, any other must prove who it is'],
    ['the environment does not say where to connect', 'fillIn(settings, env, FILLED_IN)', 'fillIn({}, env, FILLED_IN)', 'the URL has the last word over the environment'],
    ['each form of a password is masked', '[password, decoded(password)]', '[password]', 'a password from elsewhere is a secret, as it is and as a URL would hold it'],
  ]),
  ...of('src/check/reached.ts', 'test/postgres/planning.test.ts', [
    ['no foreign table is read', `c.relkind in ('f', 'v')`, `c.relkind in ('v')`, FOREIGN_TABLE],
  ]),
  ...of('src/check/reached.ts', 'test/postgres/preflight.test.ts', [
    ['volatile code behind views is named', `(p.provolatile = 'v' or p.prosecdef)`, 'p.prosecdef', DATABASE_CODE],
  ]),
  ...of('src/check/vet-plan.ts', 'test/postgres/preflight.test.ts', [
    ['code that a rule asks for is named', '(schema === undefined ? [] : `${schema}.${name}`)', '(schema === undefined || name ? [] : schema)', DATABASE_CODE],
  ]),
  ...of('src/check/refused-names.ts', 'test/trust/escapes.test.ts', [
    ['no volatile function of the database, whoever asks', '  having bool_and(lasting and not machinery)\n', '  having true\n', BY_CATALOGUE],
  ]),
  ...of('src/sql/grammar.ts', 'test/trust/escapes.test.ts', [
    ['no function of the database that the rule does not name', '&& ownFunctions.has(`${first}.${second}`)', '', UNCONNECTED],
  ]),
  ...of('src/rules/parse-rules.ts', 'test/trust/escapes.test.ts', [
    ['no function is named for later', '  if (problems.length === 0) problems.push(...uncalled(functions, authorSql, at));\n', '', UNCONNECTED],
  ]),
  ...of('src/check/uncertain-operators.ts', 'test/postgres/verdict-traps.test.ts', [
    ['no operator that somebody added decides', '  if (schemas.length === 0) return new Map();\n', '  if (schemas.length >= 0) return new Map();\n', "author SQL that might be answered by an operator beside an extension's is unknown, and no other"],
  ]),
  ...of('src/kinds/compare.ts', 'test/postgres/verdict-traps.test.ts', [
    ['a composite value is there as soon as it is not NULL', 'column.isComposite ? sql`${value} is not distinct from null` : sql`${value} is null`', 'sql`${value} is null`', 'not_null takes for NULL what NOT NULL does: of a composite the whole, not its fields'],
  ]),
  ...of('src/kinds/implies.ts', 'test/postgres/kinds.test.ts', [
    ['NULL is not true', '(${then}) is not true`', 'not (${then})`', 'implies: what is found in bad.sql'],
  ]),
  ...of('src/kinds/parent.ts', 'test/postgres/planning.test.ts', [
    ["a parent's unique key is not its children's", '  if (relation.hasInheritors) return false;\n', '', "a unique key of an inheritance parent does not stand for its children's rows: no row is counted twice"],
  ]),
  ...of('src/postgres/catalog.ts', 'test/postgres/verdict-traps.test.ts', [
    ['an index that failed, or knows not every row, makes no key unique', 'unique && valid && !outdated && immediate && !partial', 'unique && immediate', 'a unique index that is not valid, and one that knows not every row, make no key unique'],
  ]),
  ...of('src/postgres/snapshot.ts', 'test/postgres/proof-traps.test.ts', [
    ['what is counted is read, whatever constraints say', "constraint_exclusion: 'off'", "constraint_exclusion: 'on'", 'without proofs the rows are read, whatever a constraint says of them'],
  ]),
  ...of('src/plan/prove.ts', 'test/postgres/proof-traps.test.ts', [
    ['a check by replaceable code is no proof', 'return boundsByCode || checks.some((each) => each.byCode && isAbout(each));', 'return boundsByCode && checks.some(isAbout);', traps('a CHECK against a value that a function gave, which gives another one now')],
    ['nothing is proved behind a view', "if (relation.kind === 'view' || ", "if (relation.kind === 'view') return true;\n  if (", traps('a CHECK by a function, behind a view')],
    ['a foreign key has to hold in each partition', 'proofs.every((proof) => proof !== undefined)', 'proofs[0]', traps('a foreign key whose triggers are disabled in a partition')],
    ['a foreign key that is bypassed is no proof', ' || key.bypassed', '', traps('a foreign key whose cascade is undone by a trigger: the row stays')],
  ]),
  ...of('src/kinds/schema.ts', 'test/postgres/schema-traps.test.ts', [
    ['a foreign key that is NOT VALID is no proof', 'key.validated && key.enforced && !key.temporal', 'key.enforced && !key.temporal', traps('a foreign key that is NOT VALID')],
    ['a foreign key for a PERIOD is another promise', 'key.validated && key.enforced && !key.temporal', 'key.validated && key.enforced', traps('a foreign key for a PERIOD')],
    ['a NOT NULL that is NOT VALID is no proof', 'if (!column.notNullValidated)', 'if (column.notNullValidated && !column.notNull)', traps('a NOT NULL that is NOT VALID')],
    ['an index that could not be built is no proof', 'candidates.filter((index) => index.valid)', 'candidates.filter((index) => index.name)', traps('a unique index that could not be built')],
    ["a key of the parent alone does not cover its children's rows", `if (verdict.state !== 'met' || !heir) return [verdict];`, 'if (verdict) return [verdict];', traps('a unique key that an inheritance child is not under')],
  ]),
  ...of('src/postgres/catalog-queries.ts', 'test/postgres/schema-traps.test.ts', [
    ['disabled triggers of the rows are seen', '      and c.oid not in (select tgconstraint from disabled)\n', '', traps("a foreign key whose row's triggers are disabled")],
    ["disabled triggers of the parent's partitions are seen", '      and tree.root not in (select disabled.root from disabled where of_parent) as enforced', ' as enforced', traps('a foreign key whose triggers are disabled in a partition of the parent')],
    ['a foreign key that is NOT ENFORCED is seen', `coalesce((pg_catalog.to_jsonb(c) ->> 'conenforced')::boolean, true)\n      and`, 'true and', traps('a foreign key that is NOT ENFORCED')],
  ]),
  ...of('src/check/ask-catalog.ts', 'test/postgres/schema-traps.test.ts', [
    ['the bounds of a partition guard nothing of its table', "'enable_partition_pruning', 'off'", "'enable_partition_pruning', 'on'", traps('the bounds of partitions, as the next partition has others')],
    ['no partition proves nothing of those to come', `relation.kind === 'partitioned table' && (await isEmpty(sql\`true\`))`, 'false', traps('a partitioned table that has no partition yet')],
  ]),
  ...of('src/check/changed-objects.ts', 'test/postgres/moved-tables.test.ts', [
    ['a detached partition is missed', `when 'p' then i.inhrelid not in`, `when 'p' then false and i.inhrelid not in`, 'a partition that is detached while the run goes on is unknown, not held (pg)'],
    ['a child that inherits no more is missed', 'else i.inhrelid not in (select oid from locked)', 'else false', 'a child that inherits no more while the run goes on is unknown, not held (pg)'],
  ]),
  ...of('src/check/run-checks.ts', 'test/postgres/own-sessions.test.ts', [
    ['raw SQL has a session of its own', 'checksOf(step).some(({ rule }) => holdsRawSql(rule))', 'checksOf(step).length === 0', 'each check with raw SQL has a session of its own (pg)'],
  ]),
  ...of('src/plan/look-statement.ts', 'test/postgres/whole-tables.test.ts', [
    ['a count that ended early is no count', `return row?.[IS_CUT] !== 'false';`, 'return row === undefined;', 'of more bad rows than one look may hold, the counts are exact all the same, and there are samples'],
  ]),
  ...of('src/check/count-rows.ts', 'test/postgres/whole-tables.test.ts', [
    ['keys that cannot be read cost no count', 'KEYS_FAILED.has(asProblem(error).code)', 'false', 'where the keys of bad rows cannot be read, they are counted all the same'],
  ]),
  ...of('src/plan/select-relations.ts', 'test/trust/bad-inputs.test.ts', [
    ['a pattern that matches nothing is a mistake', '  if (left.length === 0) {\n', '  if (left.length < 0) {\n', 'rules are refused at their lines by what the server knows: names'],
  ]),
  ...of('src/report/make-report.ts', 'test/postgres/preflight.test.ts', [
    ['what was not measured is not clean', `results.some(({ outcome }) => outcome === 'unknown')`, 'results.length < 0', 'tables with policies are named, with what the role lacks; their checks are unknown'],
  ]),
  ...of('src/check/outdated-indexes.ts', 'test/postgres/index-trust.test.ts', [
    ['an index of an older collation is not trusted', 'if (outdated.length === 0) return { limits', 'if (outdated.length >= 0) return { limits', 'an index whose collation has changed is not looked in, and no constraint over it proves anything'],
  ]),
  ...of('src/postgres/snapshot.ts', 'test/postgres/index-trust.test.ts', [
    ['a scan uses no index', '...(limits.useIndexes ? {} : WITHOUT_INDEXES)', '...(limits.useIndexes ? {} : {})', 'the strategy scan uses no index, of the table or of a parent'],
  ]),
  ...of('src/check/preflight.ts', 'test/postgres/preflight.test.ts', [
    ['a role that can write is warned of', 'powers.length > 0', 'powers.length < 0', 'a superuser is warned of, and the run goes on'],
    ['rows that a policy hides are named', 'hidden.length > 0', 'hidden.length < 0', 'tables with policies are named, with what the role lacks; their checks are unknown'],
    ['a run in which nothing can fail says so', 'checks.length === 0 || checks.some(({ enforced }) => enforced)', 'checks.length >= 0', 'a phase in which no rule is enforced is clean, and says that nothing can fail'],
    ['a table without rows is named', 'if (names.size === 0) return [];\n  return [', 'if (names.size >= 0) return [];\n  return [', 'a rule that holds for want of rows says so, and the tables are named'],
  ]),
  ...of('src/check/unchecked-schemas.ts', 'test/postgres/preflight.test.ts', [
    ['no schema of a pattern is passed over', '  if (reached.size === 0) return [];\n', '  if (reached.size >= 0) return [];\n', 'a schema that a pattern matches and in which a rule checks nothing is named'],
  ]),
  ...of('src/github/trust.ts', 'test/unit/github/trust.test.ts', [
    ["a fork's rules never run", `PULL_REQUEST_EVENTS.has(cause) && isFork === false`, 'PULL_REQUEST_EVENTS.has(cause)', 'a pull request of a fork: untrusted'],
    ['an event that anybody can cause is untrusted', `  return 'untrusted';\n}`, `  return 'own';\n}`, 'pull_request_target: untrusted'],
    ["a run after a fork's is untrusted", 'isFollowUp && isFork !== false', 'isFollowUp && isFork === undefined', 'a run after a push to another repository: untrusted'],
    ["the base is not the pull request's own commit", 'isOfPullRequest ? pullRequest?.baseSha : sha', 'sha', 'a pull request of a fork: untrusted'],
  ]),
  ...of('src/rules/unreviewed.ts', 'test/unit/rules/unreviewed.test.ts', [
    ['new raw SQL waits for a review', '!reviewed.has(question(rule))', 'reviewed.has(question(rule))', 'new raw SQL is held back, and plain predicates are not'],
  ]),
]; // prettier-ignore
