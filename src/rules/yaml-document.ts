import {
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  Scalar,
  visit,
  type Document,
  type Node,
} from 'yaml';
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
  /** Where code point `offset` of the text at a path stands; the text's start where lines were folded. */
  locateInText(path: Path, offset: number): Position;
};

/** Nesting deeper than this is a mistake or an attack; a rules file needs 6. */
const MAX_DEPTH = 32;

/**
 * Reads YAML 1.2 strictly: no anchors, aliases, tags, directives, second documents, duplicate keys or invisible
 * characters. Gives the document, or every mistake with its place.
 */
export function readYaml(file: string, text: string): { document: YamlDocument } | { problems: Problem[] } {
  const lines = new LineCounter();
  // Duplicate keys are found below: the library's own search is quadratic in the size of a map.
  const parsed = parseDocument(text, {
    lineCounter: lines,
    version: '1.2',
    schema: 'core',
    merge: false,
    uniqueKeys: false,
    stringKeys: true,
    prettyErrors: false,
    keepSourceTokens: true,
  });
  const place = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(1, line), column: Math.max(1, col) };
  };
  const problems = [...parsed.errors, ...parsed.warnings].map(
    (error) =>
      new Problem('rules-invalid', yamlMessage(error.code, error.message), { at: place(error.pos[0]) }),
  );
  const refuse = (offset: number, message: string, hint?: string): void => {
    problems.push(new Problem('rules-invalid', message, { at: place(offset), hint }));
  };
  if (parsed.errors.length === 0) refuseSurprises(text, parsed, refuse);
  if (problems.length === 0 && !isMap(parsed.contents)) {
    refuse(
      0,
      text.trim() === '' ? 'the file is empty' : 'a rules file is a map of keys',
      'It begins with: version: 1',
    );
  }
  if (problems.length > 0) return { problems };
  return { document: makeDocument(file, text, parsed, lines, place) };
}

function yamlMessage(code: string, message: string): string {
  if (code === 'TAB_AS_INDENT') return 'a tab cannot indent YAML; use spaces';
  if (code === 'MULTIPLE_DOCS') return 'one file holds one document; remove the `---` and what follows';
  if (code === 'NON_STRING_KEY') return 'a key must be text; put it in quotes';
  return message.replace(/ at line \d+, column \d+:?$/, '');
}

type Refuse = (offset: number, message: string, hint?: string) => void;

function refuseSurprises(text: string, parsed: Document, refuse: Refuse): void {
  const hidden =
    /[\0-\x08\x0b\x0c\x0e-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]/u.exec(
      text.slice(1),
    );
  if (hidden) refuse(hidden.index + 1, 'an invisible or control character stands here; remove it');
  const directive = /^%\w/m.exec(text);
  if (directive) refuse(directive.index, 'YAML directives are not allowed');
  visit(parsed, {
    Node: (_, node, path) => {
      const start = isNode(node) ? (node.range?.[0] ?? 0) : 0;
      if (isAlias(node) || ('anchor' in node && node.anchor)) {
        refuse(
          start,
          'anchors and aliases are not allowed',
          'Declare a list under `lists:` and name it with { list: NAME }.',
        );
        return visit.SKIP;
      }
      if (node.tag && !node.tag.startsWith('tag:yaml.org,2002:'))
        refuse(start, `the tag ${node.tag} is not allowed`);
      if (path.length > MAX_DEPTH * 2) {
        refuse(start, `nested deeper than ${MAX_DEPTH} levels`);
        return visit.BREAK;
      }
      if (
        isScalar(node) &&
        typeof node.value === 'number' &&
        Number.isInteger(node.value) &&
        !Number.isSafeInteger(node.value)
      ) {
        refuse(start, 'this number is too large to be kept exactly; put it in quotes');
      }
      return undefined;
    },
    Map: (_, map) => {
      const seen = new Set<string>();
      for (const { key } of map.items) {
        const text = String(isScalar(key) ? key.value : key);
        if (seen.has(text))
          refuse((isNode(key) && key.range?.[0]) || 0, `the key '${text}' stands twice in one map`);
        seen.add(text);
      }
    },
  });
}

function makeDocument(
  file: string,
  text: string,
  parsed: Document,
  lines: LineCounter,
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
      return lines.linePos(Math.max(0, end - 1)).line;
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
  const start = place(node.range?.[0] ?? 0);
  const before = [...String(node.value)].slice(0, offset).join('').split('\n');
  const row = before.length - 1;
  const column = before[row]?.length ?? 0;
  if (node.type === Scalar.BLOCK_LITERAL) {
    const body = text.split('\n').slice(start.line);
    const indent = /^ */.exec(body.find((line) => line.trim() !== '') ?? '')?.[0].length ?? 0;
    return { ...start, line: start.line + 1 + row, column: indent + 1 + column };
  }
  const oneLine = row === 0 && !node.source?.includes('\n');
  if (node.type === Scalar.PLAIN && oneLine) return { ...start, column: start.column + column };
  if ((node.type === Scalar.QUOTE_DOUBLE || node.type === Scalar.QUOTE_SINGLE) && oneLine) {
    return { ...start, column: start.column + 1 + column };
  }
  return start;
}
