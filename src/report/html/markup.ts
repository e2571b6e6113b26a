import { visible } from '../../support/plain.ts';

/** HTML that was made by {@link html}, and so holds no value that is not escaped. */
export class Markup {
  readonly html: string;
  constructor(html: string) {
    this.html = html;
  }
}

/** What may stand between the pieces of {@link html}; `undefined` and `false` stand for nothing. */
export type Value = Markup | string | number | undefined | false | readonly Value[];

/**
 * A piece of a page. Values are text: what is unseen in them is made visible, what means something to HTML is escaped, in
 * elements as between the quotes of an attribute.
 */
export function html(pieces: TemplateStringsArray, ...values: readonly Value[]): Markup {
  return new Markup(
    compact(pieces)
      .map((piece, i) => piece + write(values[i]))
      .join(''),
  );
}

const compacted = new WeakMap<TemplateStringsArray, readonly string[]>();

/** The indentation of the sources says nothing in a page, where the same piece stands ten thousand times. */
function compact(pieces: TemplateStringsArray): readonly string[] {
  const known = compacted.get(pieces);
  if (known) return known;
  const short = pieces.map((piece) => piece.replace(/\s*\n\s*/g, '\n'));
  compacted.set(pieces, short);
  return short;
}

function write(value: Value): string {
  if (value === undefined || value === false) return '';
  if (value instanceof Markup) return value.html;
  return isList(value) ? value.map(write).join('') : escape(String(value));
}

const isList = (value: Value): value is readonly Value[] => Array.isArray(value);

function escape(text: string): string {
  return visible(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
