import { readFileSync } from 'node:fs';
import { TENANT_OWNED } from '../src/demo/demo-data.ts';

/** One `select count(*)`, and the name under which its count is compared with others. */
export type Statement = { readonly counts: string; readonly text: string };

/** Counts by what was counted, such as `null policies` or `different findings`. */
export type Counts = Readonly<Record<string, number>>;

/** The thirteen tables that are checked. */
export const CHECKED_TABLES: readonly string[] = [...TENANT_OWNED, 'audit_logs'];

const page = readFileSync(
  new URL('../test/fixtures/quickstart-093-workspace-id-isolation.txt', import.meta.url),
  'utf8',
);

/** The page's own 16 statements, letter for letter. */
export const PAGE_STATEMENTS: readonly Statement[] = (page.match(/SELECT count\(\*\)[^;]*/g) ?? []).map(
  (text) => ({ counts: countedBy(text), text }),
);

/** The page's 16 and, in its words, the mismatch join of each of the other nine tables: what the pack checks. */
export const PACK_STATEMENTS: readonly Statement[] = [
  ...PAGE_STATEMENTS.filter(({ text }) => !text.includes(' JOIN ')),
  ...TENANT_OWNED.map(mismatchOf),
];

/**
 * The same by hand, with one statement a table: the least that SQL needs without an index. Its columns have the names of
 * what they count.
 */
export const FUSED_STATEMENTS: readonly string[] = [
  ...TENANT_OWNED.map(
    (table) => `
    SELECT count(*) FILTER (WHERE r.workspace_id IS NULL) AS "null ${table}",
      count(*) FILTER (WHERE r.workspace_id <> t.workspace_id) AS "different ${table}"
    FROM ${table} r LEFT JOIN tenants t ON t.id = r.tenant_id
    WHERE (r.workspace_id = t.workspace_id) IS NOT TRUE`,
  ),
  ...PAGE_STATEMENTS.filter(({ counts }) => counts.startsWith('audit ')).map(({ counts, text }) =>
    text.replace('count(*)', `count(*) AS "${counts}"`),
  ),
];

/** What reading each table once costs at the least. */
export const BARE_COUNTS: readonly Statement[] = CHECKED_TABLES.map((table) => ({
  counts: `rows ${table}`,
  text: `SELECT count(*) FROM ${table}`,
}));

/** What the page's inner joins do not see, and the pack counts all the same. */
export const ORPHAN_STATEMENTS: readonly Statement[] = TENANT_OWNED.map((table) => ({
  counts: `orphan ${table}`,
  text: `SELECT count(*) FROM ${table} r WHERE NOT EXISTS (SELECT FROM tenants t WHERE t.id = r.tenant_id)`,
}));

/** Fails where one counted other than the statements did; a figure for a wrong answer is worth nothing. */
export function expectSame(who: string, found: Counts, expected: Counts): void {
  const wrong = Object.entries(found).filter(([name, count]) => expected[name] !== count);
  if (wrong.length === 0) return;
  const differences = wrong.map(
    ([name, count]) => `${name}: ${count} instead of ${expected[name] ?? 'nothing'}`,
  );
  throw new Error(`${who} counted wrongly: ${differences.join(', ')}`);
}

function countedBy(text: string): string {
  const table = / FROM (\w+)/.exec(text)?.[1] ?? '';
  if (text.includes(' JOIN ')) return `different ${table}`;
  return `${table === 'audit_logs' ? 'audit' : 'null'} ${table}`;
}

function mismatchOf(table: string): Statement {
  const written = PAGE_STATEMENTS.find(({ counts }) => counts === 'different policies');
  if (!written) throw new Error('the page lacks its mismatch join of policies');
  return { counts: `different ${table}`, text: written.text.replace('FROM policies', `FROM ${table}`) };
}
