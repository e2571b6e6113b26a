import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { plain, plainJson, visible } from '../../../src/support/plain.ts';
import { parseCommand } from '../../support/runner-emulator.ts';

const examples: readonly (readonly [what: string, text: string, expected: string])[] = [
  ['ordinary text', 'naïve 名前 😀 \\n C:\\x', 'naïve 名前 😀 \\n C:\\x'],
  [
    'line ends and other controls',
    'a\nb\r\nc\td\0\x1b[31m\x7f',
    'a\\u000ab\\u000d\\u000ac\\u0009d\\u0000\\u001b[31m\\u007f',
  ],
  ['line ends of Unicode', 'a\u0085b\u2028c\u2029d', 'a\\u0085b\\u2028c\\u2029d'],
  ['bidi controls', 'a\u202eb\u2066c\u200fd', 'a\\u202eb\\u2066c\\u200fd'],
  ['what has no width', 'a\u200bb\u200dc\ufeffd\u00ade\u2060f', 'a\\u200bb\\u200dc\\ufeffd\\u00ade\\u2060f'],
  ['blanks that are no spaces', 'a\u00a0b\u3000c\u2800d\u3164e', 'a\\u00a0b\\u3000c\\u2800d\\u3164e'],
  ['invisible letters of other planes', 'a\u{e0001}\u{1d173}', 'a\\u{e0001}\\u{1d173}'],
  ['halves of characters', 'a\ud800b\udc00', 'a\\ud800b\\udc00'],
  ['a command', '::error::x', '\\u003a:error::x'],
  ['a command behind spaces', '  ::error::x', '  \\u003a:error::x'],
  ['a command of the old form', 'x ##[error]y ##[debug]', 'x ##\\u005berror]y ##\\u005bdebug]'],
  ['colons elsewhere', 'a::text and b::', 'a::text and b::'],
];
for (const [what, text, expected] of examples) {
  test(`plain text shows ${what} harmlessly`, () => assert.equal(plain(text), expected));
}

test('plain text is as long as asked, counted in code points, with an ellipsis for the rest', () => {
  assert.equal(plain('abcdef', 6), 'abcdef');
  assert.equal(plain('abcdefg', 6), 'abcde…');
  assert.equal(plain('😀😀😀', 3), '😀😀😀');
  assert.equal(plain('😀😀😀😀', 3), '😀😀…');
  assert.equal(plain('\n\n', 4), '\\u0…');
});

test('what is visible is not touched by looking at it twice', () => {
  fc.assert(fc.property(anyText, (text) => visible(visible(text)) === visible(text)));
  fc.assert(fc.property(anyText, (text) => plain(plain(text)) === plain(text)));
});

test('plain text has no character that cannot be seen', () => {
  fc.assert(
    fc.property(anyText, (text) => !/(?! )[\p{C}\p{Z}]/u.test(plain(text).replace(/[\p{Cn}\p{Co}]/gu, ''))),
  );
});

test('capped plain text is never longer than its cap, and never cut inside a character', () => {
  fc.assert(
    fc.property(anyText, fc.integer({ min: 1, max: 30 }), (text, maxLength) => {
      const capped = plain(text, maxLength);
      return Array.from(capped).length <= maxLength && !/\p{Cs}/u.test(capped);
    }),
  );
});

// --- Commands: what the runner would make of it

/** The command in a line, also when comparing text skips what has no width, as .NET's does with a culture. */
function commandIn(line: string) {
  return (
    parseCommand(line) ?? parseCommand(line.replace(/[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}]/gu, ''))
  );
}

function commandsIn(output: string): readonly string[] {
  return output.split(/\r\n|\n|\r/).filter((line) => commandIn(line));
}

const spaces = [
  '',
  ' ',
  '\t',
  '\u00a0',
  '\u2003',
  '\u2028',
  '\u0085',
  '\u3000',
  '\u1680',
  '\v',
  '\f',
  '\ufeff',
  '\u200b',
];
const breaks = ['', '\n', '\r', '\r\n', 'text\n', '\u2028', '\0', 'row | '];
const bodies = [
  '::error::x',
  '::ERROR file=a,line=1::x',
  '::add-mask::x',
  '::stop-commands::t',
  '##[error]x',
  'a ##[group]b',
];
const broken = [
  '#\u200b#[error]x',
  ':\u200b:error::x',
  '##\u00ad[set-output name=a]b',
  '::error\u200b::x',
  ':::error::x',
];
const corpus = breaks.flatMap((before) =>
  spaces.flatMap((space) => [...bodies, ...broken].map((body) => `${before}${space}${body}`)),
);

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom(...spaces, ...breaks, '::', ':', '#', '##[', '[', ']', 'error', '\ud800', '😀'),
  }),
  fc.constantFrom(...corpus),
);

test('most of the corpus would run a command as it is, so that it can prove something', () => {
  const dangerous = corpus.filter((text) => commandsIn(text).length > 0);
  assert.ok(dangerous.length > 600, `${dangerous.length} of ${corpus.length}`);
});

test('plain text runs no command of the corpus, alone on a line or anywhere in one', () => {
  const ran = corpus.filter((text) =>
    [
      plain(text),
      `  ${plain(text)}`,
      `| ${plain(text)} |`,
      plain(text, 12),
      plain(`#${plain(`#${text}`)}`),
    ].some(commandIn),
  );
  assert.deepEqual(ran, []);
});

test('plain text is one line, and runs no command, whatever it was', () => {
  fc.assert(
    fc.property(anyText, fc.integer({ min: 1, max: 40 }), (text, maxLength) => {
      for (const output of [plain(text), plain(text, maxLength)]) {
        assert.deepEqual([output.split(/[\r\n]/).length, commandsIn(output)], [1, []]);
      }
    }),
    { numRuns: 2_000 },
  );
});

test('plain JSON says the same as it was, unseen characters escaped, and runs no command', () => {
  fc.assert(
    fc.property(fc.dictionary(anyText, anyText), (value) => {
      const json = plainJson(JSON.stringify(value, null, 2));
      assert.equal(JSON.stringify(JSON.parse(json)), JSON.stringify(value));
      assert.deepEqual(commandsIn(json), []);
      assert.doesNotMatch(json, /(?![ \n])[\p{Cc}\p{Cf}\p{Cs}\p{Z}]/u);
    }),
    { numRuns: 2_000 },
  );
});
