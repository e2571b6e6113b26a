import assert from 'node:assert/strict';
import test from 'node:test';
import { parseRules } from '../../../src/rules/parse-rules.ts';
import { findUnreviewed } from '../../../src/rules/unreviewed.ts';
import { Problem } from '../../../src/support/problem.ts';

const COMMIT = 'b'.repeat(40);

const RAW = `
  - id: raw
    kind: implies
    tables: [orders, items]
    where: lower(state) = 'open'
    when: a is not null
    then: b is not null
    timeout: 5s
    max_violations: 3
    why: it matters
    remedy: do something
`;
const QUERY = `
  - id: asks
    kind: query
    query: select id from orders where a > b
    key: [id]
`;
const PLAIN = `
  - id: plain
    kind: not_null
    tables: [orders]
    column: tenant_id
    where: deleted_at is null and state <> 'closed'
`;

const parsed = async (file: string, rules: string, head = '') => {
  const { rules: found, problems } = await parseRules(file, `version: 1\n${head}rules:${rules}`);
  assert.deepEqual(problems.map(({ message }) => message), []); // prettier-ignore
  return found;
};

type Held = Readonly<Record<string, string>>;

/** The rules that are held back, with the message of each. */
async function held(
  head: string,
  base: string,
  more: { head?: string; base?: string; problems?: Problem[] } = {},
): Promise<Held> {
  const rules = await parsed('rules/new.yml', head, more.head);
  const found = await parsed('rules/old.yml', base, more.base);
  const unreviewed = findUnreviewed(rules, {
    rules: { files: [], hash: '', rules: found, origin: { from: 'base', commit: COMMIT } },
    problems: more.problems ?? [],
  });
  return Object.fromEntries(Array.from(unreviewed, ([{ id }, { message }]) => [id, message]));
}

const isNew = 'its SQL was not run, as it is new against the base commit bbbbbbbb';
const isChanged = 'its SQL was not run, as it is changed against the base commit bbbbbbbb';

test('new raw SQL is held back, and plain predicates are not', async () => {
  assert.deepEqual(await held(RAW + QUERY + PLAIN, PLAIN), { raw: isNew, asks: isNew });
});

test('raw SQL that the base has is not held back, in whichever file and order it stands', async () => {
  assert.deepEqual(await held(QUERY + PLAIN + RAW, RAW + QUERY), {});
});

test('changed plain predicates are not held back', async () => {
  assert.deepEqual(await held(PLAIN.replace('closed', 'gone'), PLAIN), {});
});

const harmless: readonly (readonly [what: string, change: (rule: string) => string])[] = [
  ['its reason', (rule) => rule.replace('it matters', 'it matters much')],
  ['its remedy', (rule) => rule.replace('do something', 'do something else')],
  ['a comment', (rule) => `\n  # a comment${rule}`],
  ['the order of its keys', (rule) => rule.replace('    timeout: 5s\n', '').replace('    kind:', '    timeout: 5s\n    kind:')],
  ['its severity', (rule) => `${rule}    severity: warning\n`],
  ['quotes', (rule) => rule.replace("lower(state) = 'open'", '"lower(state) = \'open\'"')],
]; // prettier-ignore
for (const [what, change] of harmless) {
  test(`a rule of which ${what} changed is the same question`, async () => {
    assert.notEqual(change(RAW), RAW);
    assert.deepEqual(await held(change(RAW), RAW), {});
  });
}

const telling: readonly (readonly [what: string, change: (rule: string) => string])[] = [
  ['its where', (rule) => rule.replace('lower(', 'upper(')],
  ['a space in its SQL', (rule) => rule.replace('lower(state) ', 'lower(state)  ')],
  ['its plain when', (rule) => rule.replace('when: a is', 'when: c is')],
  ['its then', (rule) => rule.replace('then: b is', 'then: c is')],
  ['its tables', (rule) => rule.replace('[orders, items]', '[orders, items, users]')],
  ['its selection of tables', (rule) => rule.replace('[orders, items]', '{ with_column: a }')],
  ['its schema', (rule) => `${rule}    schema: other\n`],
  ['its timeout', (rule) => rule.replace('5s', '5m')],
  ['what it tolerates', (rule) => rule.replace('max_violations: 3', 'max_violations: 4')],
  ['its kind', (rule) => rule.replace('implies', 'not_null').replace(/    when.*\n    then.*\n/, '    column: a\n')],
]; // prettier-ignore
for (const [what, change] of telling) {
  test(`a rule of which ${what} changed is held back`, async () => {
    assert.notEqual(change(RAW), RAW);
    assert.deepEqual(await held(change(RAW), RAW), { raw: isChanged });
  });
}

test('a query of which the key changed is held back: samples show it', async () => {
  assert.deepEqual(await held(QUERY.replace('[id]', '[email]'), QUERY), { asks: isChanged });
});

test('a rule by another id is new', async () => {
  assert.deepEqual(await held(QUERY.replace('asks', 'asks-again'), QUERY), { 'asks-again': isNew });
});

test('a list or a default that changes a rule from afar holds it back', async () => {
  const listed = RAW.replace('[orders, items]', '{ list: mine }');
  const lists = (names: string) => `lists: { mine: [${names}] }\n`;
  const same = { head: lists('orders, items'), base: lists('orders, items') };
  assert.deepEqual(await held(listed, listed, same), {});
  assert.deepEqual(await held(listed, listed, { ...same, head: lists('orders, users') }), { raw: isChanged });
  assert.deepEqual(await held(RAW, RAW, { head: 'defaults: { schema: other }\n' }), { raw: isChanged });
});

test('when the base cannot be read, all raw SQL is held back, with the reason and what to do', async () => {
  const rules = await parsed('rules/new.yml', RAW + QUERY + PLAIN);
  const hint = 'The token needs permission contents: read.';
  const unread = new Problem('base-unreadable', 'GitHub said no', { hint });
  const unreviewed = findUnreviewed(rules, {
    rules: { files: [], hash: '', rules: [], origin: { from: 'base', commit: COMMIT } },
    problems: [new Problem('rules-not-found', 'no file'), unread],
  });
  assert.deepEqual(Array.from(unreviewed.keys(), ({ id }) => id), ['raw', 'asks']); // prettier-ignore
  for (const problem of unreviewed.values()) {
    assert.equal(problem.code, 'sql-not-reviewed');
    assert.match(problem.message, /not known to be reviewed: GitHub said no/);
    assert.match(
      problem.hint ?? '',
      /permission contents: read\. Merge it after a review; or run the job in an environment/,
    );
  }
});

test('what stands between a rule and its run is at the line of its SQL', async () => {
  const [rule] = await parsed('rules/new.yml', RAW);
  const none = { files: [], hash: '', rules: [], origin: { from: 'base', commit: COMMIT } } as const;
  const [problem] = findUnreviewed(rule ? [rule] : [], { rules: none, problems: [] }).values();
  assert.deepEqual(problem?.at, { file: 'rules/new.yml', line: 6, column: 12 });
});
