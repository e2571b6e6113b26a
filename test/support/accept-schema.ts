// What is planted in a schema of 200 tables is found, all of it and nothing else, by `discover` and by the rules of `init`.
import assert from 'node:assert/strict';
import test from 'node:test';
import { readCatalog, type Catalog, type Relation } from '../../src/postgres/catalog.ts';
import { openDatabase } from '../../src/postgres/connect.ts';
import { parseConnectionTarget } from '../../src/postgres/connection-string.ts';
import { openSnapshot } from '../../src/postgres/snapshot.ts';
import { selectAll } from '../../src/plan/select-relations.ts';
import { stillOpen } from '../../src/rollout/asked-already.ts';
import { discover } from '../../src/rollout/discover.ts';
import type { Gap } from '../../src/rollout/discovery.ts';
import { makeDiscoveryReport } from '../../src/rollout/discovery-report.ts';
import { makePack } from '../../src/rollout/make-pack.ts';
import type { Proposal } from '../../src/rollout/proposal.ts';
import { proposeRules } from '../../src/rollout/propose-rules.ts';
import { parseRules } from '../../src/rules/parse-rules.ts';
import { displayTable } from '../../src/sql/identifier.ts';
import { plantSchema, STYLES } from './generated-schemas.ts';
import { runGate } from './run-gate.ts';
import { createDatabase } from './server.ts';

const NOTHING_ASKED = { columns: [], schemas: [], globals: new Set<Relation>() };

async function catalogOf(url: string): Promise<Catalog> {
  const snapshot = await openSnapshot(openDatabase(parseConnectionTarget({ url, env: {} }), 'pg'));
  try {
    return await readCatalog(snapshot.leader);
  } finally {
    await snapshot.close();
  }
}

const shown = ({ name }: Relation): string => displayTable(name);

/** A gap as the generator writes it down. */
function spell(gap: Gap): string {
  const start = `${gap.gap} ${shown(gap.table.relation)}`;
  switch (gap.gap) {
    case 'nullable':
    case 'unreferenced':
    case 'log':
      return `${start} ${gap.column.name}`;
    case 'disagreement':
      return `${start} ${gap.edge.on.map(({ child }) => child).join(',')} ${shown(gap.edge.parent.relation)}`;
    case 'diamond':
      return `${start} ${gap.links
        .map(({ parent }) => shown(parent.relation))
        .toSorted()
        .join(' ')}`;
    case 'unbound':
      return `${start} ${gap.columns.map(({ name }) => name).join(',')}`;
  }
}

/** The kind of rule that finds the rows of a gap. */
const FOUND_BY: Record<Gap['gap'], readonly string[]> = {
  nullable: ['not_null'],
  unreferenced: ['references'],
  log: ['implies'],
  disagreement: ['matches_parent'],
  diamond: ['agrees'],
  unbound: ['not_null'],
};

/** The proposals without some tables; a rule about no table is left out. */
function withoutTables(proposals: readonly Proposal[], left: readonly string[]): Proposal[] {
  return proposals
    .map((each) => ({ ...each, tables: each.tables.filter((table) => !left.includes(shown(table))) }))
    .filter(({ tables, body }) => tables.length > 0 || body.kind === 'coverage');
}

/** Tells what was planted, found and found falsely, in one line each. */
export function acceptSchema(name: string): void {
  const style = STYLES.find((each) => each.name === name);
  if (!style) throw new Error(`there is no style ${name}`);
  test(`200 tables, ${style.name}: all gaps are found and none falsely`, async (context) => {
    const planted = plantSchema(style);
    assert.equal(planted.tables, 200);
    const { url, run } = await createDatabase(planted.sql);
    const catalog = await catalogOf(url);
    const discovery = discover(catalog, NOTHING_ASKED);
    assert.equal(shown(discovery.root.table), planted.root);
    assert.deepEqual(discovery.tables.map(({ relation }) => shown(relation)).toSorted(), planted.owned);
    assert.deepEqual(discovery.globals.map(shown).toSorted(), planted.globals);
    assert.deepEqual(discovery.gaps.map(spell).toSorted(), planted.gaps);
    assert.deepEqual(
      discovery.doubts.map(({ relation, column }) => `${shown(relation)} ${column.name}`),
      planted.doubts,
    );

    const pack = makePack(proposeRules(discovery), new Set());
    const { rules, problems } = await parseRules('rules.yml', pack);
    assert.deepEqual(problems, []);
    const selections = selectAll(rules, catalog);
    const again = proposeRules(discovery).flatMap((each) => stillOpen(each, rules, selections) ?? []);
    assert.deepEqual(again, [], 'a second run finds nothing new');
    const target = { database: '', serverVersion: '' };
    assert.deepEqual(makeDiscoveryReport(discovery, target, selections).uncovered, []);

    const clean = await runGate({ url, rules: pack, phase: '2' });
    assert.deepEqual(clean.problems, []);
    assert.equal(clean.exitCode, 0, 'rows that are right break no rule');

    const left = planted.owned.filter((_, index) => index % 9 === 0).toSorted();
    const partial = makePack(withoutTables(proposeRules(discovery), left), new Set());
    const covered = await runGate({ url, rules: partial, only: ['tables-of-a-tenant-are-covered'] });
    const uncovered = covered.results.filter(({ outcome }) => outcome === 'broken');
    assert.deepEqual(uncovered.map(({ table }) => table ?? '').toSorted(), left);
    const partialRules = (await parseRules('rules.yml', partial)).rules;
    const told = makeDiscoveryReport(discovery, target, selectAll(partialRules, catalog)).uncovered;
    assert.deepEqual(told?.toSorted(), left);

    await run(planted.badRows);
    const dirty = await runGate({ url, rules: pack, phase: '2' });
    const broken = dirty.results.filter((each) => each.enforced && each.outcome === 'broken');
    const expected = planted.gaps.flatMap((gap) => {
      const [kind = '', ...rest] = gap.split(' ');
      const table = planted.owned
        .filter((each) => rest.join(' ').startsWith(`${each} `))
        .toSorted((a, b) => b.length - a.length)[0];
      return FOUND_BY[kind as Gap['gap']].map((by) => `${by} ${table}`);
    });
    assert.deepEqual(broken.map(({ kind, table }) => `${kind} ${table}`).toSorted(), expected.toSorted());
    assert.deepEqual(
      dirty.results.filter(({ outcome }) => outcome === 'unknown'),
      [],
    );
    context.diagnostic(
      `${planted.tables} tables, ${planted.owned.length} of a tenant; gaps planted ${planted.gaps.length}, found ${discovery.gaps.length}, ` +
        `false 0; rules written ${rules.length}, checks ${dirty.results.length}, broken by a planted row ${broken.length}; ` +
        `tables left out of a pack ${left.length}, found ${uncovered.length}, false 0`,
    );
  });
}
