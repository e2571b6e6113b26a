import { isMap, isScalar, isSeq, parseDocument, type Document, type YAMLSeq } from 'yaml';
import type { Rule } from '../rules/rule.ts';
import { Problem } from '../support/problem.ts';
import { says } from './asked-already.ts';
import type { Insertion } from './insertions.ts';
import { freeId } from './make-pack.ts';
import type { Proposal } from './proposal.ts';
import { renderRule, scalar, tableText } from './rule-text.ts';

/** A rules file as it stands. */
export type Pack = {
  readonly file: string;
  readonly text: string;
  /** Its rules, in its order. */
  readonly rules: readonly Rule[];
};

/**
 * What has to be put into a pack so that it says what it does not say yet. Nothing that stands there is changed: a rule
 * that says the same of other tables gets more tables, and what no rule says becomes a rule behind the last one.
 */
export function updatePack(
  pack: Pack,
  proposals: readonly Proposal[],
  taken: ReadonlySet<string>,
): Insertion[] {
  const document = parseDocument(pack.text, { version: '1.2', keepSourceTokens: true });
  const lists = new Map<string, { readonly list: YAMLSeq; readonly names: Set<string> }>();
  const rest: Proposal[] = [];
  for (const proposal of proposals) {
    const found = listFor(proposal, proposals, pack, document);
    if (!found) {
      rest.push(proposal);
      continue;
    }
    const known = lists.get(found.name) ?? { list: found.list, names: new Set<string>() };
    for (const table of proposal.tables) known.names.add(tableText(table, found.rule.schema));
    lists.set(found.name, known);
  }
  const end = pack.text.includes('\r\n') ? '\r\n' : '\n';
  const insertions = [
    ...[...lists.values()].map(({ list, names }) => moreItems(pack.text, list, [...names])),
    ...(rest.length > 0 ? [moreRules(pack, document, rest, taken)] : []),
  ];
  return insertions.map(({ beforeLine, text }) => ({ beforeLine, text: text.replaceAll('\n', end) }));
}

type FoundList = { readonly name: string; readonly list: YAMLSeq; readonly rule: Rule };

/**
 * A list of tables, written item by item, of a rule that says what is proposed. A list that other rules use as well is
 * taken only where the same tables are proposed for each of them.
 */
function listFor(
  proposal: Proposal,
  proposals: readonly Proposal[],
  { rules }: Pack,
  document: Document,
): FoundList | undefined {
  for (const [index, rule] of rules.entries()) {
    if (rule.where !== undefined || !says(rule, proposal.body) || /[*?]/.test(rule.schema)) continue;
    const list = document.getIn(['rules', index, 'tables'], true);
    if (isBlockList(list)) return { name: `rules ${index}`, list, rule };
    const name = isMap(list) ? list.get('list') : undefined;
    if (typeof name !== 'string') continue;
    const named = document.getIn(['lists', name], true);
    const users = rules.filter((_, other) => {
      const tables = document.getIn(['rules', other, 'tables'], true);
      return isMap(tables) && tables.get('list') === name;
    });
    const isForAll = users.every((user) =>
      proposals.some(
        (each) => says(user, each.body) && proposal.tables.every((table) => each.tables.includes(table)),
      ),
    );
    if (isBlockList(named) && isForAll) return { name: `list ${name}`, list: named, rule };
  }
  return undefined;
}

function isBlockList(node: unknown): node is YAMLSeq {
  return isSeq(node) && node.flow !== true && node.items.length > 0 && node.items.every(isScalar);
}

function moreItems(text: string, list: YAMLSeq, names: readonly string[]): Insertion {
  const last = list.items.at(-1);
  const line = lineAt(text, (isScalar(last) && last.range?.[0]) || 0);
  const indent = dashIndent(text, line);
  return { beforeLine: line + 1, text: names.map((name) => `${indent}- ${scalar(name)}\n`).join('') };
}

function moreRules(
  { file, text, rules }: Pack,
  document: Document,
  proposals: readonly Proposal[],
  taken: ReadonlySet<string>,
): Insertion {
  const list = document.get('rules', true);
  const last = isSeq(list) ? list.items.at(-1) : undefined;
  if (!isSeq(list) || list.flow || !isMap(last) || last.flow)
    throw new Problem(
      'rules-invalid',
      'the rules of this file are written in brackets; rules cannot be put behind them',
      {
        at: { file, line: 1, column: 1 },
        hint: 'Write each rule as an item of its own, beginning with `- id:`.',
      },
    );
  const indent = dashIndent(text, lineAt(text, last.range?.[0] ?? 0));
  const ids = new Set(taken);
  const written = document.getIn(['defaults', 'schema']);
  const schema = typeof written === 'string' ? written : 'public';
  const isPattern = /[*?]/.test(schema);
  const phases = rules[0]?.phases ?? [];
  const blocks = proposals.map((proposal) => {
    const own = isPattern ? (proposal.tables[0]?.name.schema ?? 'public') : schema;
    const place = {
      id: freeId(proposal.id, ids),
      schema: own,
      saysSchema: isPattern,
      list: undefined,
      phases,
    };
    return `\n${renderRule(proposal, place)}\n`.replaceAll(/^(?=.)/gm, indent);
  });
  return { beforeLine: lineBehind(text, last.range?.[1] ?? 0, indent), text: blocks.join('') };
}

/** The line of an offset; lines count from 1. */
const lineAt = (text: string, offset: number): number => text.slice(0, offset).split('\n').length;

/** What stands before the dash of the item that a line is part of. */
function dashIndent(text: string, line: number): string {
  const lines = text.split('\n').slice(0, line).toReversed();
  return lines.map((each) => /^(\s*)-(?:\s|$)/.exec(each)?.[1]).find((each) => each !== undefined) ?? '';
}

/** The line behind an item that ends at the offset, and behind the comments that are indented as its parts are. */
function lineBehind(text: string, offset: number, indent: string): number {
  const lines = text.split('\n');
  let line = lineAt(text, text.slice(0, offset).trimEnd().length) + 1;
  while (lines[line - 1]?.trimStart().startsWith('#') && (lines[line - 1] ?? '').search(/\S/) > indent.length)
    line += 1;
  return line;
}
