import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';
import fc from 'fast-check';
import { parseRules } from '../../src/rules/parse-rules.ts';
import { KIND_NAMES, ruleKeys } from '../../src/rules/rule-schema.ts';
import { runs } from './fuzzing.ts';
import { hostileStrings } from './hostile-corpus.ts';

const examples = [
  readFileSync('rules/workspace-isolation.yml', 'utf8'),
  ...readdirSync('test/kinds').map((kind) => readFileSync(`test/kinds/${kind}/rule.yml`, 'utf8')),
];

/** Nothing is thrown, every mistake has its place in the file, and where there is none there are rules. */
async function assertSound(text: string): Promise<boolean> {
  const { rules, problems } = await parseRules('rules.yml', text);
  const lines = text.split('\n');
  for (const { at, code, message } of problems) {
    assert.notEqual(code, 'internal');
    assert.ok(at, message);
    assert.ok(at.line >= 1 && at.line <= lines.length, `${message} at ${at.line}:${at.column}`);
    assert.ok(
      at.column >= 1 && at.column <= (lines[at.line - 1] ?? '').length + 1,
      `${message} at ${at.line}:${at.column}`,
    );
  }
  assert.equal(rules.length === 0, problems.length > 0);
  for (const { source } of rules) assert.ok(source.line <= source.endLine && source.endLine <= lines.length);
  return problems.length === 0;
}

const scrap = fc.oneof(
  fc.constantFrom(...hostileStrings.filter((each) => each.length < 200)),
  fc.constantFrom('&a', '*a', '<<: *a', '!!str', '---', '...', '%YAML 1.1', '? ', ': ', '- ', '[', ']', '{', '}', '|', '>-', '"', "'", '#', ',', '\t', '\r', '\0', '\ufeff', '~', 'null', '0o7', '.inf', '1e999', '12345678901234567890', '__proto__:', '\ud800'),
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.constantFrom(...KIND_NAMES.flatMap((kind) => ruleKeys(kind))).map((key) => `${key}:`),
); // prettier-ignore

type Mutation = (text: string) => string;
const at = (text: string, share: number): number => Math.floor(share * (text.length + 1));
const share = fc.double({ min: 0, max: 1, noNaN: true });
const onLines = (change: (lines: string[], i: number) => string[]) =>
  share.map((where): Mutation => (text) => {
    const lines = text.split('\n');
    return change(lines, Math.min(lines.length - 1, Math.floor(where * lines.length))).join('\n');
  });

/** What happens to a file by hand, by a merge, by a disk, and on purpose. */
const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(share, scrap).map(([where, text]): Mutation => (all) => all.slice(0, at(all, where)) + text + all.slice(at(all, where))),
  fc.tuple(share, fc.nat(40)).map(([where, length]): Mutation => (all) => all.slice(0, at(all, where)) + all.slice(at(all, where) + length)),
  share.map((where): Mutation => (all) => all.slice(0, at(all, where))),
  onLines((lines, i) => lines.toSpliced(i, 1)),
  onLines((lines, i) => lines.toSpliced(i, 0, lines[i] ?? '')),
  onLines((lines, i) => lines.toSpliced(i, 1, ` ${lines[i] ?? ''}`)),
  onLines((lines, i) => lines.toSpliced(i, 1, (lines[i] ?? '').replace(/^ {1,2}/, ''))),
  onLines((lines, i) => lines.toSpliced(i, 2, lines[i + 1] ?? '', lines[i] ?? '')),
  fc.tuple(share, scrap).chain(([, text]) => onLines((lines, i) => lines.toSpliced(i, 1, (lines[i] ?? '').replace(/:.*$/, () => `: ${text}`)))),
  fc.constant((text: string): string => text.replaceAll('\n', '\r\n')),
); // prettier-ignore

test('a mutated rules file is read, or refused at its places', async (t) => {
  let sound = 0;
  const mutated = fc
    .tuple(fc.constantFrom(...examples), fc.array(mutation, { minLength: 1, maxLength: 4 }))
    .map(([text, mutations]) => mutations.reduce((changed, mutate) => mutate(changed), text));
  const options = runs(600);
  await fc.assert(
    fc.asyncProperty(mutated, async (text) => void (sound += Number(await assertSound(text)))),
    options,
  );
  t.diagnostic(
    `rules files: ${options.numRuns} mutated from seed ${options.seed}, ${sound} of them still fine`,
  );
  assert.ok(sound > options.numRuns / 50, 'mutants that are all broken at the first step show little');
  assert.ok(sound < options.numRuns / 2);
});

/** Any value at the place of any key. */
const value: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom('t', 'public.t', 'a', 'a is null', 'select 1', '30s', 'error', 'ignore', 'report', 'differ', 'first', ['t'], ['a', 'b'], { a: 'b' }, { list: 'l' }, { with_column: 'a' }, { from: 'p', on: { a: 'b' }, set: { c: 'd' } }, { parent: 'p', on: { a: 'b' } }, [{ parent: 'p', on: { a: 'b' }, column: 'c' }, { parent: 'q', on: { a: 'b' }, column: 'c' }], true, false, 0, 1, -1, 1.5, null, '', [], {}),
  fc.jsonValue({ maxDepth: 3 }),
); // prettier-ignore
const keys = fc.constantFrom(...new Set(KIND_NAMES.flatMap((kind) => ruleKeys(kind))));
const rule = fc
  .tuple(fc.constantFrom(...KIND_NAMES), fc.dictionary(keys, value, { maxKeys: 8 }))
  .map(([kind, body]) => ({ id: 'a-rule', kind, tables: ['t'], ...body }));

test('a rule of any keys with any values is read, or refused at its places', async () => {
  const file = fc.record(
    { version: fc.constantFrom(1, 1, 1, 2, '1'), rules: fc.array(rule, { maxLength: 3 }), phases: fc.oneof(fc.constant(['first']), value), lists: fc.oneof(fc.constant({ l: ['t'] }), value), defaults: value },
    { requiredKeys: ['version', 'rules'] },
  ); // prettier-ignore
  const layout = fc.constantFrom(0, 2);
  const text = fc.tuple(file, layout).map(([json, indent]) => JSON.stringify(json, null, indent));
  await fc.assert(
    fc.asyncProperty(text, async (each) => void (await assertSound(each))),
    runs(400),
  );
});

test('a text of any characters is read, or refused at its places', async () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.string({ unit: scrap, maxLength: 20 }),
  );
  await fc.assert(
    fc.asyncProperty(text, async (each) => void (await assertSound(each))),
    runs(2_000),
  );
});
