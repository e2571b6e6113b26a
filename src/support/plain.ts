/** Controls, format and bidi characters, lone surrogates, every space but U+0020, and all else that shows nothing or is no character. */
const UNSEEN =
  /(?! )[\p{Cc}\p{Cf}\p{Cs}\p{Z}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}\u2800]/gu;

/** Most texts are no more than this, and a hundred times faster to look through. */
const ASCII = /^[\x20-\x7e]*$/;

/**
 * The text with each character that cannot be seen, or that moves other characters about, written as `\u000a` or
 * `\u{e0001}`. What a reader can see stays, a backslash included, so that doing it twice changes nothing.
 */
export function visible(text: string): string {
  return ASCII.test(text) ? text : text.replace(UNSEEN, escapeCharacter);
}

/**
 * A value from a database, a rule or an error as part of one line of a terminal or a runner's log: nothing in it is
 * unseen, and no line that it stands in becomes a workflow command by it. At most `maxLength` code points long.
 */
export function plain(text: string, maxLength = Number.POSITIVE_INFINITY): string {
  // The runner takes `##[name]` for a command anywhere in a line, and `::name::` after any white space at its start.
  const harmless = visible(text)
    .replaceAll('##[', '##\\u005b')
    .replace(/^( *):(?=:)/, '$1\\u003a');
  return shorten(harmless, maxLength);
}

/**
 * JSON text that says the same and is fit for a log: what is unseen in its strings is escaped as JSON has it, and none
 * of its lines becomes a workflow command. For text that was indented by `JSON.stringify`.
 */
export function plainJson(json: string): string {
  return json
    .replace(UNSEEN, (character) => (character === '\n' ? character : jsonEscape(character)))
    .replaceAll('##[', '##\\u005b');
}

/** JSON has no escape for a whole character of another plane, but one for each half. */
function jsonEscape(character: string): string {
  return character
    .split('')
    .map((half) => `\\u${half.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');
}

function escapeCharacter(character: string): string {
  const hex = (character.codePointAt(0) ?? 0).toString(16);
  return hex.length > 4 ? `\\u{${hex}}` : `\\u${hex.padStart(4, '0')}`;
}

function shorten(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  const characters = Array.from(text);
  return characters.length <= maxLength
    ? text
    : `${characters.slice(0, Math.max(0, maxLength - 1)).join('')}…`;
}
