import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { markdownCode, markdownText } from '../../../src/support/markdown-text.ts';
import { visible } from '../../../src/support/plain.ts';

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom(...'@#`|<>!-[]():/*_~\\&;$. \n1a', 'GH-', 'www.', 'https://', '<!--', '\u202e'),
  }),
);

/** What a browser shows for a text that holds nothing but characters and entities. */
function rendered(markdown: string): string {
  return markdown.replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)));
}

/** Where GitHub links or notifies, in the text that it has rendered. */
const REFERENCE = /@[\w-]|#\d|\bGH-\d|https?:\/\/|\bwww\.|:[\w+-]+:/i;

const examples: readonly (readonly [what: string, value: string, expected: string])[] = [
  ['words', 'tenant is not set', 'tenant is not set'],
  ['markup', 'a*b_c~d `e`', 'a&#42;b&#95;c&#126;d &#96;e&#96;'],
  ['HTML', '<img src=x>&amp;', '&#60;img src&#61;x&#62;&#38;amp;'],
  ['a comment', '<!-- rowgate -->', '&#60;&#33;-- rowgate --&#62;'],
  ['a link', '[a](b)', '&#91;a&#93;&#40;b&#41;'],
  ['a table', 'a|b', 'a&#124;b'],
  ['a list', '- a', '&#45; a'],
  ['a numbered list', '1. a', '&#49;. a'],
  ['code by its indent', '    a', '&#32;   a'],
  ['line ends', 'a\n\n# b', 'a&#92;u000a&#92;u000a&#35; b'],
  ['bidi controls', 'a\u202eb', 'a&#92;u202eb'],
  ['a mention', 'by @octocat', 'by &#64;&#8203;octocat'],
  ['a reference', 'see #12 and GH-12', 'see &#35;&#8203;12 and GH-&#8203;12'],
  ['an address', 'https://a.b www.c.d', 'https&#58;&#8203;&#47;&#47;a.b www&#8203;.c.d'],
  ['an emoji', ':tada:', '&#58;&#8203;tada&#58;'],
];
for (const [what, value, expected] of examples) {
  test(`${what} in a value is text in markdown`, () => assert.equal(markdownText(value), expected));
}

test('markdown text holds no character that markdown or HTML reads', () => {
  fc.assert(
    fc.property(
      anyText,
      (value) => !/[<>"'`*_~[\](){}!|\\@:/$^+=#&\n]/.test(markdownText(value).replace(/&#\d+;/g, '')),
    ),
    { numRuns: 1_000 },
  );
});

test('markdown text shows the value, but for zero-width spaces', () => {
  fc.assert(
    fc.property(
      anyText,
      (value) => rendered(markdownText(value)).replaceAll('\u200b', '') === visible(value),
    ),
  );
});

test('rendered markdown text mentions, links and refers to nothing, next to other values too', () => {
  fc.assert(
    fc.property(anyText, anyText, (one, two) => {
      assert.doesNotMatch(rendered(markdownText(one)), REFERENCE);
      assert.doesNotMatch(rendered(`${markdownText(one)} ${markdownText(two)}`), REFERENCE);
    }),
    { numRuns: 1_000 },
  );
});

const spans: readonly (readonly [what: string, value: string, expected: string])[] = [
  ['a name', 'app.tasks', '`app.tasks`'],
  ['markup', '*a* <b> @c #1 \\', '`*a* <b> @c #1 \\`'],
  ['a space on one side', ' a', '` a`'],
  ['a pipe', 'a|b', '<code>a&#124;b</code>'],
  ['a backtick', 'a`b``c', '<code>a&#96;b&#96;&#96;c</code>'],
  ['spaces on both sides', ' a ', '<code>&#32;a </code>'],
  ['nothing', '', '<code></code>'],
  ['a closing tag', '</code>`', '<code>&#60;&#47;code&#62;&#96;</code>'],
  ['line ends', 'a\nb', '`a\\u000ab`'],
];
for (const [what, value, expected] of spans) {
  test(`inline code holds ${what}`, () => assert.equal(markdownCode(value), expected));
}

test('inline code shows the value, is one span, and fits a table', () => {
  fc.assert(
    fc.property(anyText, (value) => {
      const code = markdownCode(value);
      const [, inTicks, inTag] = /^(?:`([^`|\n]+)`|<code>([^<>`|\n]*)<\/code>)$/.exec(code) ?? [];
      assert.equal(inTicks ?? rendered(inTag ?? 'no span'), visible(value));
    }),
    { numRuns: 1_000 },
  );
});
