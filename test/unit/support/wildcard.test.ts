import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { matchesWildcard } from '../../../src/support/wildcard.ts';

const examples: readonly (readonly [pattern: string, name: string, isMatch: boolean])[] = [
  ['tenant_*', 'tenant_1', true],
  ['tenant_*', 'tenant_', true],
  ['tenant_*', 'tenant', false],
  ['tenant_*', 'tenant_a/b\nc', true],
  ['tenant_?', 'tenant_1', true],
  ['tenant_?', 'tenant_😀', true],
  ['tenant_?', 'tenant_12', false],
  ['*_eu', 'shop_eu_eu', true],
  ['a*b*c', 'axxbyyc', true],
  ['a*b*c', 'axxbyyd', false],
  ['*', '', true],
  ['?', '', false],
  ['a.c', 'abc', false],
  ['a[bc]*', 'ab', false],
  ['a[bc]*', 'a[bc]d', true],
  ['{a,b}*', 'a', false],
  ['\\*', '\\x', true],
  [`${'*a'.repeat(40)}b`, 'a'.repeat(63), false],
];

for (const [pattern, name, isMatch] of examples) {
  test(`${JSON.stringify(name)} is ${isMatch ? '' : 'not '}what ${pattern} says`, () => {
    assert.equal(matchesWildcard(pattern, name), isMatch);
  });
}

test('a wildcard matches as the regular expression that says the same', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?', '.', '\n'), maxLength: 8 });
  fc.assert(
    fc.property(letters, letters, (pattern, name) => {
      const source: Record<string, string> = { '*': '[^]*', '?': '[^]', '.': '\\.' };
      const expression = Array.from(pattern, (each) => source[each] ?? each).join('');
      assert.equal(matchesWildcard(pattern, name), new RegExp(`^${expression}$`).test(name));
    }),
    { numRuns: 2_000 },
  );
});
