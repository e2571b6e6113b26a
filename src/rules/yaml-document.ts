import {
  Composer, isAlias, isCollection, isMap, isNode, isPair, isScalar, isSeq, Parser, Scalar, visit,
  type CST, type Document, type Node, type YAMLMap,
} from 'yaml'; // prettier-ignore
import { HIDDEN_CHARACTER } from '../support/hidden.ts';
import type { Position } from '../support/problem.ts';
import { Problem } from '../support/problem.ts';

export type Path = readonly (string | number)[];

/** A YAML file with the place of everything in it. */
export type YamlDocument = {
  readonly file: string;
  readonly value: unknown;
  /** Where the value at a path stands; the nearest enclosing place when there is no such value. */
  locate(path: Path): Position;
  /** Where the key at the end of a path stands. */
  locateKey(path: Path): Position;
  /** The last line of the value at a path. */
  endLine(path: Path): number;
  /** The value at a path as it is written, such as `007`; of quoted text, the text. Undefined where it is no scalar. */
  textOf(path: Path): string | undefined;
  /** Where code point `offset` of the text at a path stands; the text's start where lines were folded. */
  locateInText(path: Path, offset: number): Position;
};

/** Nesting deeper than this is a mistake or an attack; a rules file needs 6. */
const MAX_DEPTH = 32;

/** A file with more keys and values than this takes seconds to read; a pack of 1,000 rules has about 25,000. */
const MAX_NODES = 50_000;

/** A map with more keys than this is no rules file; each mistake in it would be looked for among all of them. */
const MAX_KEYS = 1_000;

/**
 * Reads YAML 1.2 strictly: no anchors, aliases, tags, directives, second documents, duplicate keys or invisible
 * characters. Gives the document, or every mistake with its place.
 */
export function readYaml(file: string, text: string): { document: YamlDocument } | { problems: Problem[] } {
  const tokens = Array.from(new Parser().parse(text));
  const excess = findExcess(tokens);
  const place = placesIn(file, text);
  if (excess)
    return { problems: [new Problem('rules-invalid', excess.message, { at: place(excess.offset) })] };
  // Duplicate keys are found below: the library's own search is quadratic in the size of a map.
  const composer = new Composer({
    version: '1.2',
    schema: 'core',
    merge: false,
    uniqueKeys: false,
    stringKeys: true,
    prettyErrors: false,
    keepSourceTokens: true,
  });
  const [parsed, second] = composer.compose(tokens, true, text.length);
  if (!parsed) throw new TypeError('the library made no document');
  // A tag that is not known is a warning of the library; every tag is refused below, known or not.
  const warnings = parsed.warnings.filter(({ code }) => code !== 'TAG_RESOLVE_FAILED');
  const problems = [...parsed.errors, ...warnings].map(
    (error) =>
      new Problem('rules-invalid', yamlMessage(error.code, error.message), { at: place(error.pos[0]) }),
  );
  const isSound = parsed.errors.length === 0 && !second;
  const refuse = (offset: number, message: string, hint?: string): void => {
    problems.push(new Problem('rules-invalid', message, { at: place(offset), hint }));
  };
  if (second) refuse(second.range[0], 'one file holds one document; remove the `---` and what follows');
  if (isSound) refuseSurprises(text, parsed, refuse);
  if (problems.length === 0 && !isMap(parsed.contents)) {
    refuse(
      0,
      text.trim() === '' ? 'the file is empty' : 'a rules file is a map of keys',
      'It begins with: version: 1',
    );
  }
  if (problems.length > 0) return { problems };
  return { document: makeDocument(file, text, parsed, place) };
}

/** Where an offset stands. The library's own count loses lines behind some carriage returns. */
function placesIn(file: string, text: string): (offset: number) => Position {
  const starts = [0, ...Array.from(text.matchAll(/\n/g), ({ index }) => index + 1)];
  return (offset) => {
    let [first, next] = [0, starts.length];
    while (next - first > 1) {
      const middle = (first + next) >> 1;
      if ((starts[middle] ?? 0) <= offset) first = middle;
      else next = middle;
    }
    return { file, line: first + 1, column: Math.max(0, offset - (starts[first] ?? 0)) + 1 };
  };
}

function yamlMessage(code: string, message: string): string {
  if (code === 'TAB_AS_INDENT') return 'a tab cannot indent YAML; use spaces';
  if (code === 'NON_STRING_KEY') return 'a key must be text; put it in quotes';
  return message.replace(/ at line \d+, column \d+:?$/, '');
}

type Refuse = (offset: number, message: string, hint?: string) => void;

/** Where a file holds too much in itself, or too many things; looked for before they are composed, which recurses and takes time. */
function findExcess(tokens: readonly CST.Token[]): { offset: number; message: string } | undefined {
  const open = tokens.map((token) => ({ token: token as CST.Token | null | undefined, depth: 0 }));
  let nodes = 0;
  for (let next = open.pop(); next; next = open.pop()) {
    const { token, depth } = next;
    if (!token) continue;
    nodes += 1;
    if (nodes > MAX_NODES)
      return { offset: 0, message: `more than ${MAX_NODES} keys and values; split the file` };
    if (token.type === 'document') open.push({ token: token.value, depth });
    if (!('items' in token)) continue;
    if (depth >= MAX_DEPTH)
      return { offset: token.offset, message: `nested deeper than ${MAX_DEPTH} levels` };
    for (const { key, value } of token.items)
      open.push({ token: key, depth: depth + 1 }, { token: value, depth: depth + 1 });
  }
  return undefined;
}

function refuseSurprises(text: string, parsed: Document, refuse: Refuse): void {
  const hidden = HIDDEN_CHARACTER.exec(text.replace(/^\ufeff/, ' '));
  if (hidden) refuse(hidden.index, 'an invisible or control character stands here; remove it');
  const directive = /^%\w/m.exec(text);
  if (directive) refuse(directive.index, 'YAML directives are not allowed');
  visit(parsed, {
    Node: (_, node) => {
      const start = isNode(node) ? (node.range?.[0] ?? 0) : 0;
      if (isAlias(node) || ('anchor' in node && node.anchor)) {
        refuse(
          start,
          'anchors and aliases are not allowed',
          'Declare a list under `lists:` and name it with { list: NAME }.',
        );
        return visit.SKIP;
      }
      if (node.tag)
        refuse(
          start,
          `the tag ${spellTag(node.tag)} is not allowed`,
          isCollection(node) ? undefined : 'For text, use quotes.',
        );
      if (isScalar(node)) refuseScalar(node, hidden === null, (message) => refuse(start, message));
      if (isMap(node)) return refuseKeys(node, refuse);
      return undefined;
    },
  });
}

const spellTag = (tag: string): string => tag.replace('tag:yaml.org,2002:', '!!');

function refuseScalar({ value }: Scalar, textIsClean: boolean, refuse: (message: string) => void): void {
  if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)) {
    refuse('this number is too large to be kept exactly; put it in quotes');
  }
  if (textIsClean && typeof value === 'string' && HIDDEN_CHARACTER.test(value))
    refuse('an escape makes an invisible or control character here; remove it');
}

function refuseKeys(map: YAMLMap, refuse: Refuse): symbol | undefined {
  if (map.items.length > MAX_KEYS) {
    refuse(map.range?.[0] ?? 0, `this map has ${map.items.length} keys; at most ${MAX_KEYS} are read`);
    return visit.SKIP;
  }
  const seen = new Set<string>();
  for (const { key } of map.items) {
    const name = String(isScalar(key) ? key.value : key);
    const start = (isNode(key) && key.range?.[0]) || 0;
    if (seen.has(name)) refuse(start, `the key '${name}' stands twice in one map`);
    // The one name that JavaScript's own libraries drop without a word.
    if (name === '__proto__') refuse(start, "the key '__proto__' is not allowed");
    seen.add(name);
  }
  return undefined;
}

function makeDocument(
  file: string,
  text: string,
  parsed: Document,
  place: (offset: number) => Position,
): YamlDocument {
  const find = (path: Path): { node: Node | undefined; key: Node | undefined; whole: boolean } => {
    let node: unknown = parsed.contents;
    let key: Node | undefined;
    for (const step of path) {
      const next = isMap(node)
        ? node.items.find((pair) => String(isScalar(pair.key) ? pair.key.value : pair.key) === String(step))
        : isSeq(node)
          ? node.items[Number(step)]
          : undefined;
      if (next === undefined) return { node: isNode(node) ? node : undefined, key, whole: false };
      if (isPair(next) && isNode(next.key)) key = next.key;
      node = isPair(next) ? (next.value ?? next.key) : next;
    }
    return { node: isNode(node) ? node : undefined, key, whole: true };
  };
  const startOf = (node: Node | undefined): number => node?.range?.[0] ?? 0;
  return {
    file,
    value: parsed.toJS({ maxAliasCount: 0 }),
    locate: (path) => place(startOf(find(path).node)),
    locateKey: (path) => {
      const { node, key, whole } = find(path);
      return place(startOf(whole ? (key ?? node) : node));
    },
    endLine: (path) => {
      const range = find(path).node?.range;
      const end = range ? text.slice(0, range[1]).trimEnd().length : 0;
      return place(Math.max(0, end - 1)).line;
    },
    textOf: (path) => {
      const { node, whole } = find(path);
      return whole && isScalar(node) ? (node.source ?? String(node.value)) : undefined;
    },
    locateInText: (path, offset) => {
      const { node } = find(path);
      return isScalar(node) ? locateInScalar(text, node, offset, place) : place(startOf(node));
    },
  };
}

function locateInScalar(
  text: string,
  node: Scalar,
  offset: number,
  place: (offset: number) => Position,
): Position {
  const [from, to] = node.range ?? [0, 0];
  const start = place(from);
  const value = String(node.value);
  const before = [...value].slice(0, offset).join('').split('\n');
  const row = before.length - 1;
  const column = before[row]?.length ?? 0;
  if (node.type === Scalar.BLOCK_LITERAL) {
    // What stands before the first line's text in the file and not in the value; an indicator such as |2 may set it.
    const spaces = (lines: readonly string[]): number =>
      /^ */.exec(lines.find((line) => line.trim() !== '') ?? '')?.[0].length ?? 0;
    const indent = spaces(text.split('\n').slice(start.line)) - spaces(value.split('\n'));
    return { ...start, line: start.line + 1 + row, column: indent + 1 + column };
  }
  const written = text.slice(from, to);
  if (written.includes('\n')) return start;
  if (node.type === Scalar.PLAIN) return { ...start, column: start.column + column };
  const escape = QUOTED[node.type ?? ''];
  if (!escape) return start;
  const characters = written.slice(1, -1).match(escape) ?? [];
  return { ...start, column: start.column + 1 + characters.slice(0, offset).join('').length };
}

/** One character of a quoted text, as it is written. */
const QUOTED: Record<string, RegExp> = {
  [Scalar.QUOTE_SINGLE]: /''|[^]/gu,
  [Scalar.QUOTE_DOUBLE]: /\\x..|\\u....|\\U.{8}|\\?[^]/gu,
};
