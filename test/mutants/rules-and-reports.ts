// Guards of rules files, of SQL in them, and of what is shown, as a list; it reads best in one piece.
import { of, type Guard } from './guard.ts';

const refused = (trick: string, sql: string): string =>
  `is refused, as it ${trick}: ${JSON.stringify(sql.slice(0, 60))}`;
const noSelect = (trick: string, sql: string): string =>
  `is no SELECT for a rule, as it ${trick}: ${JSON.stringify(sql)}`;
const atPlace = (what: string): string => `is refused at its place: ${what}`;
const clear = (what: string): string => `a rules file is refused with a clear message: ${what}`;
const notWaited = (what: string): string =>
  `a rules file is refused with a clear message, and waited for by nobody: ${what}`;

const BY_CATALOGUE = 'attempts are refused by the catalogue, and nothing has changed (owner, pg)';
const NAMES_AND_KEYS = 'names and keys of any text are text in every format (pg)';
const FILE_NAMES = 'names of rules files of any text are text in every format';
const RUNNER = 'a runner is told of every report what is meant, and nothing else';

/** What stands between the author of a rules file and the server, and between any text and whoever reads a report. */
export const rulesAndReports: readonly Guard[] = [
  ...of('src/sql/grammar.ts', 'test/unit/sql/grammar.test.ts', [
    ['only listed nodes of the grammar make a condition', '    if (!allowed.has(type)) refused ??= refuse(`${type} is not allowed here`, at(fields), hintFor(type));\n', '', refused('looks at other rows', 'exists (select 1)')],
    ['a condition stays one inside of brackets', `if ('ok' in wrapped || shape(wrapped.select.whereClause) !== shape(target)) {`, `if (!wrapped) {`, refused('is more than an expression', 'a;')],
    ['one statement is one', '    if (second)\n', '    if (second && !first)\n', noSelect('is more than one', 'select 1; commit')],
    ['nothing is called behind a dot', `namesOf(fields['indirection']).some((name) => name !== '*')`, 'false', 'a function called behind a dot is refused, in a condition and in a query'],
    ['a condition names no other table', 'if (name === undefined || more.length > 0) {', 'if (name === undefined) {', refused('names another table', 't.a')],
    ['no SELECT INTO', `if (fields['intoClause'])`, 'if (false)', noSelect('writes', 'select 1 into t')],
    ['no collation of another schema', `if (type === 'CollateClause' && !isBuiltIn(fields['collname'])) {`, 'if (false) {', refused('uses what is not built in', 'a collate app.loose = b')],
    ['no operator of another schema', 'if (operators.some((each) => !isBuiltIn(each))) {', 'if (false) {', refused('uses what is not built in', 'a operator(app.=) b')],
    ['no type of another schema', `    if (!isBuiltIn(fields['names']))\n`, '    if (false)\n', refused('uses what is not built in', 'a::app.email is null')],
    ['no type that looks into the catalogue', `else if (name.startsWith('reg'))`, 'else if (false)', refused('uses what is not built in', "a = 'pg_authid'::regclass")],
    ['no function of another schema', 'if (!inCatalog && !isOwn)', 'if (false)', refused('uses what is not built in', 'app.lower(a) = b')],
    ['no aggregate in a condition', '      inRow &&\n', '      !inRow &&\n', refused('looks at other rows', 'count(*) > 1')],
    ['no endless SQL', 'if ([...text].length > MAX_AUTHOR_SQL_CHARACTERS) {', 'if (false) {', refused('is too large', 'a'.repeat(8_193))],
    ['no SQL that overflows the walk', `if (error instanceof RangeError) return refuse('the SQL is nested too deeply', 0);\n`, '\n', refused('is too large', `1${'+1'.repeat(4_000)} > 0`)],
    ['no hidden character in SQL', '  if (hidden)\n', '  if (hidden && text === "")\n', refused('hides something', 'a\u200b = 1')],
    ['columns are those of the row', 'return pieces.join(`${quoteIdentifier(alias)}.`) as CheckedSql;', `return pieces.join('') as CheckedSql;`, 'is a condition: a'],
  ]),
  ...of('src/check/refused-names.ts', 'test/trust/escapes.test.ts', [
    ['no volatile function', "p.provolatile in ('i', 's') as lasting", 'true as lasting', BY_CATALOGUE],
    ['no function of the deny list', '  if (Object.hasOwn(DENIED_FUNCTIONS, name)) return DENIED_FUNCTIONS[name];\n', '', BY_CATALOGUE],
    ["none of the server's own machinery", 'lasting and not machinery and', 'lasting and', BY_CATALOGUE],
    ["no function that hides a vetted one's name", '(built_in or extension)', 'true', BY_CATALOGUE],
    ['no call in the disguise of a column', ', ...attributes.filter(({ name }) => known.onRows.has(name))', '', BY_CATALOGUE],
    ['no type that runs code of the database', 'types.find(({ name }) => known.ownTypes.has(name))', 'types.find(() => false)', BY_CATALOGUE],
  ]),
  ...of('src/kinds/query.ts', 'test/trust/escapes.test.ts', [
    ["no call in the disguise of a query's key", 'value: sql`${identifier(name)}`', 'value: sql`${ROW_ALIAS}.${identifier(name)}`', BY_CATALOGUE],
  ]),
  ...of('src/check/vet-plan.ts', 'test/trust/bad-inputs.test.ts', [
    ['what a schema rule has proved is vetted, too', `  if (check.form === 'catalog') return explainRequirements(check, session, limits);\n`, `  if (check.form === 'catalog') return undefined;\n`, 'rules are refused at their lines by what the server knows: everything else'],
  ]),
  ...of('src/postgres/snapshot.ts', 'test/trust/escapes.test.ts', [
    ['transactions are read-only', 'repeatable read, read only`', 'repeatable read`', 'attempts are contained, and nothing has changed (owner, pg)'],
  ]),
  ...of('src/postgres/drivers/pg.ts', 'test/trust/wire.test.ts', [
    ['the extended protocol (pg)', `    queryMode: 'extended',\n    rowMode`, '    rowMode', 'no message of any kind of rule is a simple query, which could hold several statements (pg)'],
  ]),
  ...of('src/postgres/drivers/postgres-worker.ts', 'test/trust/wire.test.ts', [
    ['the extended protocol (postgres)', 'const extended = { simple: false };', 'const extended = {};', 'no message of any kind of rule is a simple query, which could hold several statements (postgres)'],
  ]),
  ...of('src/sql/identifier.ts', 'test/trust/fuzz-sql.test.ts', [
    ['a quote in a name is doubled', `name.replaceAll('"', '""')`, 'name', 'a name of any characters is one name to the server, the same (pg)'],
  ]),
  ...of('src/sql/identifier.ts', 'test/unit/rules/parse-rules.test.ts', [
    ['a name that the server would cut is refused', 'if (bytes > MAX_IDENTIFIER_BYTES) {', 'if (bytes < 0) {', atPlace('a name of 64 bytes')],
  ]),
  ...of('src/rules/folder-files.ts', 'test/trust/bad-inputs.test.ts', [
    ['no link leaves the folder', '  if (leaves) refuse', '  if (!leaves && leaves) refuse', notWaited('a link that leaves')],
    ['no pipe and no device is opened', `  if (!(await stat(real).catch(cannotRead)).isFile()) refuse('is not a file');\n`, '', notWaited('a pipe')],
    ['no file of any size is read', '    if (size > maxBytes)\n', '    if (size < 0)\n', notWaited('10 MB')],
  ]),
  ...of('src/rules/rule-files.ts', 'test/trust/bad-inputs.test.ts', [
    ['no link is left out without a word', '    links.add(path.resolve(folder, entry.name));\n', '', notWaited('a link that a pattern finds')],
    ['no pattern leaves the folder', '.filter((file) => !isOutside(root, file))', '', notWaited('a pattern of another place')],
  ]),
  ...of('src/rules/load-rules.ts', 'test/trust/bad-inputs.test.ts', [
    ['no more files than a person looks at', 'if (files.size <= MAX_FILES) return', 'if (files.size >= 0) return', notWaited('300 files')],
    ['no more bytes than are read in seconds', 'if (totalBytes > MAX_TOTAL_BYTES) {', 'if (totalBytes < 0) {', notWaited('2 MB in all')],
    ['no more mistakes than are read', '  if (more <= 0) return problems;\n', '  return problems;\n', clear('a rule for each of 12,000 lines')],
    ['no text but UTF-8', `new TextDecoder('utf-8', { fatal: true })`, `new TextDecoder('utf-8')`, clear('a byte that is not UTF-8')],
  ]),
  ...of('src/rules/parse-rules.ts', 'test/trust/bad-inputs.test.ts', [
    ['no list times rules that fills the memory', '  if (total <= MAX_TABLE_NAMES) return [];\n', '  return [];\n', clear('a list of 10,000 tables for each of 10 rules')],
  ]),
  ...of('src/rules/yaml-document.ts', 'test/trust/bad-inputs.test.ts', [
    ['no deep nesting', '    if (depth >= MAX_DEPTH)\n', '    if (depth < 0)\n', clear('lists 40 deep')],
    ['no more values than are read in seconds', '    if (nodes > MAX_NODES)\n', '    if (nodes < 0)\n', clear('60,000 values')],
    ['no more keys in a map than are read', 'if (map.items.length > MAX_KEYS) {', 'if (map.items.length < 0) {', clear('2,000 keys in one map')],
    ['no anchors', `if (isAlias(node) || ('anchor' in node && node.anchor)) {`, 'if (isAlias(node)) {', clear('an anchor')],
    ['no aliases', `if (isAlias(node) || ('anchor' in node && node.anchor)) {`, `if ('anchor' in node && node.anchor) {`, clear('an alias')],
    ['no tags', '      if (node.tag)\n', '      if (node.tag === "")\n', clear('a tag of YAML')],
    ['no directives', '  if (directive) refuse', '  if (directive?.index === -1) refuse', clear('YAML 1.1 by directive')],
    ['no key twice', '    if (seen.has(name)) refuse', '    if (!name) refuse', clear('a key twice')],
    ['no rounded number', 'Number.isInteger(value) && !Number.isSafeInteger(value)', 'Number.isNaN(value)', clear('a huge whole number')],
    ['no hidden character in a file', '  if (hidden) refuse(', '  if (hidden?.index === -1) refuse(', clear('a right-to-left override in a name')],
    ['no hidden character by escape', `if (textIsClean && typeof value === 'string' && HIDDEN_CHARACTER.test(value))`, 'if (value === refuse)', clear('a NUL by escape')],
  ]),
  ...of('src/rules/yaml-document.ts', 'test/unit/rules/parse-rules.test.ts', [
    ['no key that libraries drop', `if (name === '__proto__') refuse`, `if (name === '') refuse`, atPlace('a __proto__ column')],
  ]),
  ...of('src/support/plain.ts', 'test/trust/hostile.test.ts', [
    ['what is unseen is made visible', 'const harmless = visible(text)', 'const harmless = text', NAMES_AND_KEYS],
    ['no command of the old form', `    .replaceAll('##[', '##\\\\u005b')\n    .replace(`, '    .replace(', NAMES_AND_KEYS],
    ['no command at the start of a line', `\n    .replace(/^( *):(?=:)/, '$1\\\\u003a')`, '', FILE_NAMES],
    ['no command in JSON', `    .replaceAll('##[', '##\\\\u005b');\n}\n\n/** JSON has`, ';\n}\n\n/** JSON has', NAMES_AND_KEYS],
    ['what is unseen is escaped in JSON', '    .replace(UNSEEN, (character) => (character === \'\\n\' ? character : jsonEscape(character)))\n', '', NAMES_AND_KEYS],
  ]),
  ...of('src/support/markdown-text.ts', 'test/trust/hostile.test.ts', [
    ['no markup in a summary', '    .replace(METACHARACTER, entity)\n', '', NAMES_AND_KEYS],
    ['no code that ends early', 'return /^[^`|]+$/.test(text) && !/^ .* $/.test(text);', 'return true;', NAMES_AND_KEYS],
  ]),
  ...of('src/support/markdown-text.ts', 'test/unit/support/markdown-text.test.ts', [
    ['no mention, no reference, no link', '    .replace(REFERENCE, `$&${ZERO_WIDTH_SPACE}`)\n', '', 'rendered markdown text mentions, links and refers to nothing, next to other values too'],
  ]),
  ...of('src/check/ratchet.ts', 'test/postgres/ratchet.test.ts', [
    ['a leak is no debt', '  if (leaks > 0)\n', '  if (leaks < 0)\n', 'one new row is a leak and breaks the rule at once, however much the debt fell'],
    ['no class grows behind one that falls', 'filter(([name, now]) => now > recorded(entry, name))', 'filter(() => false)', 'debt may fall and not rise, in any class, however the others fell'],
    ['no rule is held against the count of another', 'entry.definition !== definitionOf(check.rule)', 'entry.definition === undefined', 'a count is held only against the same rule and the same target'],
    ['no target is held against the count of another', 'if (!isOfTarget(baseline, options)) {', 'if (!baseline) {', 'a count is held only against the same rule and the same target'],
    ['debt without a record is not held', `outcome: 'unknown', problem: unheld(entry, count) };`, `outcome: 'held', proof: unheld(entry, count).message, violations: result.violations, classes: result.classes };`, 'debt without a baseline is unknown, never held, and says how to record it'],
  ]),
  ...of('src/postgres/transaction.ts', 'test/postgres/probe.test.ts', [
    ['nothing of a probe is committed', 'transact(session, limits, begin, work, sql`rollback`)', 'transact(session, limits, begin, work)', 'a database that takes an unbound and a mismatched write fails, and nothing of them stays'],
  ]),
  ...of('src/check/probe.ts', 'test/postgres/probe.test.ts', [
    ['what is deferred is asked', '  await query(sql`set constraints all immediate`);\n', '', 'a database that guards itself by constraints that are deferred holds'],
    ['an error for another reason is no refusal', 'if (isRefusal(problem.sqlstate))', 'if (problem.sqlstate)', 'a trigger that fails otherwise is unknown, not held'],
    ['a write that could not be tried is not refused', 'if (accepted.length === 0 && first)', 'if (accepted.length < 0 && first)', 'a table without rows is unknown, not held'],
    ['a row that a trigger put right is not taken', `const isWrong = left?.['wrong'] !== '0';`, 'const isWrong = left !== undefined;', 'a database that guards itself by a trigger that puts the row right holds'],
  ]),
  ...of('src/plan/split-classes.ts', 'test/postgres/ratchet.test.ts', [
    ['a row without a time is new', '(${later}) is not false', '(${later}) is true', 'a row of which nobody knows when it was made counts as new'],
  ]),
  ...of('src/check/make-baseline.ts', 'test/postgres/ratchet.test.ts', [
    ['a leak is not recorded', 'else if (leaksIn(check, result.classes) > 0) keep(leaking);\n', '', 'a new record tells which counts rose, records no leak, and keeps what it could not measure'],
  ]),
  ...of('src/github/annotation.ts', 'test/trust/hostile.test.ts', [
    ['an annotation shows what is unseen', '.map((line) => plain(line))', '', RUNNER],
  ]),
  ...of('src/github/find-pull-request.ts', 'test/unit/github/find-pull-request.test.ts', [
    ['no report of an earlier commit', 'ofBranch.filter((pull) => pull.head.sha === headSha)', 'ofBranch', 'the pull request of a run is none that has moved on'],
    ['no report on a pull request of somebody else', '      pull.head.repo?.full_name === headRepository &&\n', '', 'the pull request of a run is none of another repository of the same owner'],
    ['no report on a pull request that may be meant', 'found && others.length === 0', 'found', 'the pull request of a run is none of two'],
  ]),
  ...of('src/report/check-run.ts', 'test/unit/report/check-run.test.ts', [
    ['no check is green for what was not measured', `return verdict === 'broken' && exitCode === 0 ? 'neutral' : 'failure';`, `return verdict === 'broken' && exitCode !== 0 ? 'failure' : 'neutral';`, 'a check is green for clean alone: broken that does not fail the run is neutral, unmeasured is red'],
  ]),
  ...of('src/github/octokit-check-run.ts', 'test/unit/report/check-run.test.ts', [
    ['no second check where an answer was lost', 'isRetry ? await find(deadline) : undefined', 'undefined', 'an answer that is lost makes no second check run and no annotation twice'],
    ['no annotation twice where an answer was lost', 'if (status === change.status && now.annotations_count >= countAfter) return;', '', 'an answer that is lost makes no second check run and no annotation twice'],
  ]),
  ...of('src/github/runner.ts', 'test/trust/hostile.test.ts', [
    ['no command is taken from the log', '  core.info(`::stop-commands::${token}`);\n', '', RUNNER],
  ]),
  ...of('src/github/runner.ts', 'test/unit/github/runner.test.ts', [
    ['a secret is masked line by line', ', ...secret.split(/[\\r\\n]+/)', '', 'a secret and its lines are masked; what is short or common is not'],
    ['outside of a runner no secret is printed', `  if (process.env.GITHUB_ACTIONS !== 'true') return;\n`, '', 'outside of a runner a mask would print the secret, so there is none'],
  ]),
  ...of('src/postgres/errors.ts', 'test/unit/postgres/errors.test.ts', [
    ["the server's words about rows are not shown", '  return !connected || fromParser ||', '  return true || !connected || fromParser ||', 'no message of a running statement holds what the server says about a row'],
    ["only the parser's words about names are shown", ' && failure.position !== undefined;', ';', 'a name that a row held, in an error of run time, is not shown'],
  ]),
  ...of('src/plan/sample-statement.ts', 'test/trust/hostile.test.ts', [
    ['no key of megabytes', 'shortened(sql`${value}::text`)', 'sql`${value}::text`', NAMES_AND_KEYS],
  ]),
  ...of('src/report/report-file.ts', 'test/trust/outputs.test.ts', [
    ["no earlier report is taken for this run's", '    await Promise.all([beside, file].map((each) => rm(each, { force: true }).catch(() => {})));\n', '', 'an earlier report does not stay where a new one could not be written'],
  ]),
]; // prettier-ignore
