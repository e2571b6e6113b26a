import type { Relation } from '../postgres/catalog.ts';
import { PHASES, type Proposal } from './proposal.ts';
import { renderRule, scalar, tableText } from './rule-text.ts';

/** A list of tables is worth a name of its own from this many on. */
const LEAST_LISTED = 4;

/** A new rules file with all proposals, ordered by the phase from which they count. Ids that are `taken` are not used. */
export function makePack(proposals: readonly Proposal[], taken: ReadonlySet<string>): string {
  const schema = usualSchema(proposals);
  const lists = nameLists(proposals);
  const ids = new Set(taken);
  const phases = PHASES.map(([phase]) => phase as string);
  const section = (from: Proposal['from'], title: string): string[] => {
    const rules = proposals
      .filter((each) => each.from === from)
      .map((proposal) => {
        const list = lists.get(tablesKey(proposal.tables));
        return renderRule(proposal, {
          id: freeId(proposal.id, ids),
          schema,
          saysSchema: false,
          list,
          phases,
        });
      });
    return rules.length > 0 ? [`# ${title}\n${rules.join('\n\n')}`] : [];
  };
  const rules = [
    ...section(undefined, 'In every phase.'),
    ...PHASES.flatMap(([phase, meaning]) => section(phase, `Phase ${phase}: ${meaning}.`)),
  ].join('\n\n');
  return `${[...header(schema), ...listLines(lists, proposals, schema), 'rules:', ...indented(rules)].join('\n')}\n`;
}

/** An id that no rule has, made from what it is named for. */
export function freeId(wanted: string, taken: Set<string>): string {
  const words = wanted
    .normalize('NFKD')
    .replaceAll(/([\p{Ll}\d])(\p{Lu})/gu, '$1-$2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter(Boolean);
  const base = words.join('-').slice(0, 90).replace(/-$/, '') || 'rule';
  let id = base;
  for (let number = 2; taken.has(id); number += 1) id = `${base}-${number}`;
  taken.add(id);
  return id;
}

/** The schema of most tables, so that most names stand alone. */
function usualSchema(proposals: readonly Proposal[]): string {
  const counts = new Map<string, number>();
  for (const { name } of proposals.flatMap(({ tables }) => tables))
    counts.set(name.schema, (counts.get(name.schema) ?? 0) + 1);
  return [...counts].toSorted(([, a], [, b]) => b - a)[0]?.[0] ?? 'public';
}

function header(schema: string): string[] {
  return [
    '# Written by `rowgate init` from the catalogue. It is yours: another run adds what is new, and changes no line.',
    "# Say where the target stands with --phase (the Action's `phase`). A rule is counted and shown from the first day, and",
    '# fails the run only from its `enforce_from` on. Without a phase every rule is enforced.',
    'version: 1',
    'name: tenant-isolation',
    `defaults: { schema: ${scalar(schema)}, severity: error }`,
    `phases: [${PHASES.map(([phase]) => scalar(phase)).join(', ')}]`,
    '',
  ];
}

const tablesKey = (tables: readonly Relation[]): string => tables.map(({ oid }) => oid).join(' ');

/** A name for each set of tables that several rules are about. */
function nameLists(proposals: readonly Proposal[]): ReadonlyMap<string, string> {
  const users = new Map<string, Proposal[]>();
  for (const proposal of proposals) {
    const key = tablesKey(proposal.tables);
    if (proposal.tables.length >= LEAST_LISTED) users.set(key, [...(users.get(key) ?? []), proposal]);
  }
  const taken = new Set<string>();
  return new Map(
    [...users]
      .filter(([, { length }]) => length > 1)
      .map(([key, [first]]) => {
        return [key, freeId(first ? listName(first) : '', taken).replaceAll('-', '_')];
      }),
  );
}

function listName({ body }: Proposal): string {
  if ('column' in body) return `with ${body.column}`;
  return 'parent' in body ? `children of ${body.parent.name.name}` : 'tables';
}

function listLines(
  lists: ReadonlyMap<string, string>,
  proposals: readonly Proposal[],
  schema: string,
): string[] {
  if (lists.size === 0) return [];
  const lines = [...lists].flatMap(([key, name]) => {
    const tables = proposals.find((each) => tablesKey(each.tables) === key)?.tables ?? [];
    return [`  ${name}:`, ...tables.map((table) => `    - ${scalar(tableText(table, schema))}`)];
  });
  return ['lists:', ...lines, ''];
}

const indented = (text: string): string[] => text.split('\n').map((line) => (line === '' ? '' : `  ${line}`));
