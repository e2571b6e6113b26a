import { visible } from './plain.ts';

/** What means something to markdown or HTML anywhere; and, as the first character, all that is no letter. */
const METACHARACTER = /^\P{L}|[&<>"'`*_~[\](){}!#|\\@:/$^+=]/gu;

/**
 * Where GitHub finds mentions, references, addresses and emoji in the *rendered* text, out of reach of entities:
 * `@name`, `#12`, `GH-12`, `https://`, `:tada:`, `www.`. A zero-width space behind the match breaks each of them.
 */
const REFERENCE = /[@#](?!\s)|:(?=\S)|\bGH-(?=\d)|\bwww(?=\.)/gi;

const ZERO_WIDTH_SPACE = '\u200b';

/**
 * A value as text in markdown: it shows as it is, on one line, and is never markup, a mention, a reference or a link.
 * For a value that someone may copy take {@link markdownCode}: this one puts zero-width spaces into references.
 */
export function markdownText(value: string): string {
  return visible(value)
    .replace(REFERENCE, `$&${ZERO_WIDTH_SPACE}`)
    .replace(METACHARACTER, entity)
    .replaceAll(ZERO_WIDTH_SPACE, '&#8203;');
}

/** A value as inline code in markdown, fit for a table's cell too; GitHub looks for no mention or reference in code. */
export function markdownCode(value: string): string {
  const text = visible(value);
  return fitsBackticks(text) ? `\`${text}\`` : `<code>${text.replace(METACHARACTER, entity)}</code>`;
}

/** Backticks cannot hold nothing, or an outer pair of spaces; a pipe needs a backslash in tables, and none elsewhere. */
function fitsBackticks(text: string): boolean {
  return /^[^`|]+$/.test(text) && !/^ .* $/.test(text);
}

function entity(character: string): string {
  return `&#${character.codePointAt(0)};`;
}
