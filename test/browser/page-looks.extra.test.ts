import axe from 'axe-core';
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { renderBackfillHtml } from '../../src/report/backfill-html.ts';
import { mergeReports } from '../../src/report/merge-reports.ts';
import type { Report, ReportResult } from '../../src/report/report.ts';
import { renderRolloutHtml } from '../../src/report/rollout-html.ts';
import { rolloutSchema, type Rollout } from '../../src/rollout/phase.ts';
import { dryRun, reportOf as backfillOf, runOf } from '../support/backfill-reports.ts';
import { folder, openPage, sizes, skip } from '../support/browser.ts';
import { runCli } from '../support/cli.ts';
import { makeReportOf, reportOf } from '../support/reports.ts';
import { seedTables } from '../support/seed-tables.ts';
import { createDatabase } from '../support/server.ts';
import { hostileStrings } from '../trust/hostile-corpus.ts';

/** For people who want to look at them; else they go with the rest. */
const pictures = process.env['ROWGATE_SCREENSHOTS'] ?? folder;
mkdirSync(pictures, { recursive: true });

const [broken] = makeReportOf(1).results as [ReportResult];
const targets = [makeReportOf(0, { targetName: 'eu' }), makeReportOf(40, { targetName: 'us' })];
const problem = {
  code: 'rules-invalid',
  message: "unknown key 'severty'",
  hint: "Did you mean 'severity'?",
  at: { file: 'rules/x.yml', line: 7, column: 3 },
};
const reports: Readonly<Record<string, Report | string>> = {
  clean: makeReportOf(0),
  'one finding': makeReportOf(1, { warnings: [{ ...problem, at: null }] }),
  '131 findings': makeReportOf(131),
  '10,000 findings': makeReportOf(10_000),
  'could not start': reportOf([], { problems: [problem], exitCode: 3 }),
  merged: mergeReports(
    targets.map((report, i) => ({ file: `${i}.json`, report })),
    { expect: ['eu', 'us', 'ap'], maxAgeMs: 1e13, now: new Date(), problems: [] },
  ),
  'a backfill': renderBackfillHtml(
    backfillOf('public.orders', {
      run: runOf('its rows are used up'),
    }),
    'action',
  ),
  'a dry run': renderBackfillHtml(backfillOf('public.orders', dryRun), 'cli'),
  'a rollout': renderRolloutHtml(await readRollout()),
  'hostile strings': reportOf(
    hostileStrings
      .filter((_, i) => i % 4 === 0)
      .map((text, i) => ({
        ...broken,
        rule: `rule-${i % 9}`,
        table: text,
        why: text,
        remedy: text,
        reason: text,
      })),
  ),
};

for (const [name, report] of Object.entries(reports)) {
  for (const [size, viewport] of Object.entries(sizes)) {
    for (const colorScheme of ['light', 'dark'] as const) {
      test(`the page of ${name} is sound on a ${size}, ${colorScheme}`, { skip }, async () => {
        await openPage(report, { viewport, colorScheme }, async (page, said) => {
          const width = await page.evaluate('document.documentElement.scrollWidth');
          assert.ok(Number(width) <= viewport.width, `it is ${width} wide`);
          const picture = `${name.replaceAll(/\W+/g, '-')}-${size}-${colorScheme}.png`;
          const bytes = await page.screenshot({ path: path.join(pictures, picture) });
          assert.ok(bytes.length > 5_000);
          // Each size and each scheme once is enough. On thousands of lines axe takes minutes, and finds what it finds in dozens.
          const isLooked = (size === 'desktop') === (colorScheme === 'light') && name !== '10,000 findings';
          if (isLooked) assert.deepEqual(await violationsOf(page), []);
          assert.deepEqual(said, []);
        });
      });
    }
  }
}

/** Of the shipped pack on the seed's tables. */
async function readRollout(): Promise<Rollout> {
  const { url } = await createDatabase(seedTables);
  const rules = ['--rules', 'rules/workspace-isolation.yml', '--phase', '3'];
  const { stdout } = await runCli(['rollout', ...rules, '--database-url', url, '--format', 'json']);
  return rolloutSchema.parse(JSON.parse(stdout));
}

async function violationsOf(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  const found = (await page.evaluate('axe.run(document, { resultTypes: ["violations"] })')) as axe.AxeResults;
  return found.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`));
}
