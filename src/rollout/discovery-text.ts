import { plain } from '../support/plain.ts';
import type { DiscoveryReport } from './discovery-report.ts';

/** So many lines of a section are shown; JSON has them all. */
const SHOWN = 40;

/** A discovery for people: what the tenants are, what belongs to them, and what the catalogue leaves open. */
export function renderDiscovery(report: DiscoveryReport): string {
  const { target, root, columns, tables, globals, gaps, doubts, uncovered } = report;
  const carriers = tables.filter(({ column }) => column !== null);
  const sections = [
    [`${target.database} on PostgreSQL ${target.serverVersion}; read from the catalogue alone`],
    [`Tenants: ${root.table}, by ${root.key}`, ...otherCandidates(report)],
    [
      `${count(tables.length, 'table')} of a tenant: ${carriers.length} with a column (${columnsText(columns)}), ${tables.length - carriers.length} by foreign keys; ${globals.length} of none`,
      ...section(tables.filter(({ column }) => column === null).map(pathText)),
    ],
    ...GAPS.map(([gap, title]) => {
      const lines = gaps.filter((each) => each.gap === gap).map(gapText);
      return lines.length > 0
        ? [`${count(lines.length, 'table')} ${title}`.replace(/^1 tables/, '1 table'), ...section(lines)]
        : [];
    }),
    doubts.length > 0
      ? [
          `${count(doubts.length, 'column')} named for the tenant, of another type than ${root.table}.${root.key}`,
          ...section(doubts.map(({ table, column, type }) => `${table}  ${column}, ${type}`)),
        ]
      : [],
    uncovered === null
      ? ['No rules were read. rowgate init writes a pack of them.']
      : [`${count(uncovered.length, 'table')} of a tenant that no rule asks about`, ...section(uncovered)],
  ];
  const text = sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.map((line) => plain(line)).join('\n'));
  return `${text.join('\n\n')}\n`;
}

type DiscoveredGap = DiscoveryReport['gaps'][number];

const GAPS: readonly (readonly [DiscoveredGap['gap'], string])[] = [
  ['nullable', 'whose tenant may be NULL'],
  ['log', 'of what happened, whose tenant may be NULL where a link is set'],
  ['unreferenced', 'whose tenant need not be there: no foreign key to it'],
  ['disagreement', 'that may be in another tenant than their parent: no composite foreign key'],
  ['diamond', 'with two parents that may be in two tenants'],
  ['unbound', 'whose way to a tenant may be NULL'],
];

function otherCandidates({ candidates }: DiscoveryReport): string[] {
  const others = candidates.filter(({ chosen }) => !chosen).slice(0, 3);
  return others.map(
    ({ table, carriers, reached }) =>
      `  or ${table}: ${count(carriers, 'table')} name it, ${reached} lead to it (--root ${table})`,
  );
}

function columnsText(columns: DiscoveryReport['columns']): string {
  return columns.map(({ name, tables }) => `${name} ${tables}`).join(', ') || 'none';
}

function pathText({ table, path }: DiscoveryReport['tables'][number]): string {
  return `${table}  by ${path.map(({ columns, to }) => `${columns.join(' + ')} to ${to}`).join(', ')}`;
}

function gapText({ table, columns, parents }: DiscoveredGap): string {
  return `${table}  ${columns.join(', ')}${parents.length > 0 ? `, to ${parents.join(' and ')}` : ''}`;
}

function section(lines: readonly string[]): string[] {
  const more = lines.length - SHOWN;
  return [
    ...lines.slice(0, SHOWN).map((line) => `  ${line}`),
    ...(more > 0 ? [`  and ${more} more; --format json has them all`] : []),
  ];
}

const count = (amount: number, what: string): string => `${amount} ${amount === 1 ? what : `${what}s`}`;
