import { displayTable } from '../sql/identifier.ts';
import { HIDDEN_CHARACTER } from '../support/hidden.ts';
import { plain } from '../support/plain.ts';
import type { Proposal } from './proposal.ts';

/** The proposals that a rules file can hold, and what had to be left out: names with characters that it refuses. */
export function withoutUnwritable(proposals: readonly Proposal[]): {
  readonly proposals: readonly Proposal[];
  readonly notes: readonly string[];
} {
  const notes: string[] = [];
  const kept = proposals.flatMap((proposal) => {
    if (!isWritable(namesIn(proposal.body))) {
      notes.push(`left out: '${plain(proposal.id)}', which names a column or a table that no rules file can`);
      return [];
    }
    const tables = proposal.tables.filter(({ name }) => isWritable([name.schema, name.name]));
    for (const { name } of proposal.tables.filter((each) => !tables.includes(each)))
      notes.push(`left out: the table ${plain(displayTable(name))}, which no rules file can name`);
    return tables.length > 0 || proposal.tables.length === 0 ? [{ ...proposal, tables }] : [];
  });
  return { proposals: kept, notes: [...new Set(notes)] };
}

const isWritable = (names: readonly string[]): boolean =>
  names.every((name) => !HIDDEN_CHARACTER.test(name) && !/[\t\r\n]/.test(name) && name !== '__proto__');

/** Every name in a proposal, wherever it stands; of a table, only the table's own. */
function namesIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (Array.isArray(value)) return value.flatMap(namesIn);
  if (typeof value !== 'object' || value === null) return [];
  return 'name' in value ? namesIn(value.name) : Object.values(value).flatMap(namesIn);
}
