import assert from 'node:assert/strict';
import test from 'node:test';
import { renderBackfillHtml } from '../../../src/report/backfill-html.ts';
import { renderBackfillMarkdown } from '../../../src/report/backfill-markdown.ts';
import { renderBackfill, runLines } from '../../../src/report/backfill-terminal.ts';
import {
  backfillAdvice,
  backfillHeadline,
  runAdvice,
  runProgress,
  runRate,
} from '../../../src/report/backfill-words.ts';
import { dryRun, lane, reportOf, runOf } from '../../support/backfill-reports.ts';
import { readPage } from '../../support/html-tree.ts';
import { parseCommand } from '../../support/runner-emulator.ts';
import { hostileStrings } from '../../trust/hostile-corpus.ts';

const UNSEEN = /(?![ \n])[\p{Cc}\p{Cf}\p{Cs}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]/u;
/** What is markup: all that no value may bring. Code and entities are values. */
const skeleton = (markdown: string): string =>
  markdown
    .replace(/`[^`\n]+`|<code>[^<>`\n]*<\/code>/g, 'c')
    .replace(/&#\d+;/g, '')
    .replace(/[^\n<>/|`*_~[\](){}!#@:$\\^=+&-]|(?<!^)[-=+]/gm, '');

for (const [what, more] of [
  ['a run', {}],
  ['a dry run', dryRun],
] as const) {
  test(`no text of a database or a rule is a command or unseen in the log of ${what}`, () => {
    const lines = (text: string): string[] => renderBackfill(reportOf(text, more)).split('\n');
    const harmless = lines('harmless').length;
    for (const text of hostileStrings) {
      assert.doesNotMatch(lines(text).join('\n'), UNSEEN);
      assert.deepEqual(lines(text).filter((line) => parseCommand(line) !== undefined), []); // prettier-ignore
      assert.equal(lines(text).length, harmless, JSON.stringify(text));
    }
  });

  test(`no text of a database or a rule is markup in the summary of ${what}`, () => {
    const page = (text: string): string => renderBackfillMarkdown(reportOf(text, more), 10_000_000).markdown;
    const harmless = skeleton(page('harmless'));
    for (const text of hostileStrings) {
      assert.doesNotMatch(page(text).replaceAll(/[⚠ℹ]\ufe0f/g, ''), UNSEEN);
      assert.equal(skeleton(page(text)), harmless, JSON.stringify(text));
    }
  });
}

for (const [what, more] of [
  ['a run', {}],
  ['a dry run', dryRun],
] as const) {
  test(`no text of a database or a rule is markup in the page of ${what}`, () => {
    const page = (text: string) => readPage(renderBackfillHtml(reportOf(text, more), 'action'));
    const shape = (text: string): string[] =>
      page(text).map(({ tag, attributes }) => `${tag} ${Object.keys(attributes).join(' ')}`);
    const harmless = shape('harmless');
    for (const text of hostileStrings) {
      assert.deepEqual(shape(text), harmless, JSON.stringify(text));
      assert.doesNotMatch(page(text)[0]?.text ?? '', UNSEEN);
    }
  });
}

test('a page shows rows over time, each table, what is left with its remedy and keys, and what held it', () => {
  const samples = [{ class: 'orphan', key: ['17', 'b'] }];
  const run = runOf('why', {
    lanes: [{ ...lane('public.orders'), samples }],
    startedAt: '2026-01-01T00:00:00Z',
    events: [{ at: '2026-01-01T00:00:31Z', kind: 'holding', detail: 'a replica is behind', worker: null }],
  });
  const page = readPage(renderBackfillHtml(reportOf('x', { run }), 'action'));
  const of = (tag: string): string[] => page.filter((each) => each.tag === tag).map(({ text }) => text);
  const picture = page.find(({ attributes }) => attributes['role'] === 'img');
  assert.equal(picture?.attributes['aria-label'], 'Rows filled over 1 min 00 s: 90 of 196');
  const line = page.find(({ tag }) => tag === 'polyline')?.attributes['points'];
  assert.equal(line, '0.0,220.0 0.0,220.0 500.0,169.5 1000.0,119.0');
  assert.equal(page.find(({ tag }) => tag === 'line')?.attributes['x1'], '516.7');
  const text = of('body').join('');
  for (const part of ['public.orders', 'the parent they name is not there', 'a replica is behind', 'public.orders 17, b', 'run-id: 7'])
    assert.ok(text.includes(part), part); // prettier-ignore
  const left = page.find(({ attributes }) => attributes['id'] === 'residue');
  assert.match(left?.text ?? '', /orphan\s*4/);
});

test('a page of a run without progress has no picture, and one that was not counted again says so', () => {
  const run = runOf('x', { progress: [], rowsRemaining: null, rowsAtStart: null });
  const page = readPage(renderBackfillHtml(reportOf('x', { run }), 'cli'));
  assert.ok(!page.some(({ attributes }) => attributes['role'] === 'img'));
  assert.match(page[0]?.text ?? '', /not counted again yet/);
});

test('a summary that is too long says less in steps, always that it does, and stays below the limit', () => {
  const lanes = Array.from({ length: 150 }, (_, i) => lane(`public.table_${i}`));
  const quiet = { ...lane('quiet'), rowsUpdated: 0, chunksOpen: 0, residue: {} };
  const report = reportOf('text', { run: runOf('text', { lanes: [...lanes, quiet] }) });
  const whole = renderBackfillMarkdown(report, 1_000_000);
  assert.deepEqual([whole.shown, whole.total], [151, 151]);
  assert.doesNotMatch(whole.markdown, /Not all of it fitted/);
  const size = Buffer.byteLength(whole.markdown);
  const steps = [size - 1, 4_000, 500, 10].map((most) => renderBackfillMarkdown(report, most));
  for (const { markdown } of steps) assert.match(markdown, /Not all of it fitted here/);
  for (const [i, most] of [size - 1, 4_000, 500].entries())
    assert.ok(Buffer.byteLength(steps[i]?.markdown ?? '') <= most);
  assert.deepEqual(steps.map(({ shown }) => shown), [151, 0, 0, 0]); // prettier-ignore
  assert.match(steps[3]?.markdown ?? '', /^## .*Run 7/, 'the headline is always there');
});

test('each state of a run has a headline, and those that need somebody say what to do, in the words of who reads', () => {
  const states = ['planned', 'paused', 'stopped_at_bound', 'failed', 'verifying'] as const;
  for (const state of states) {
    assert.match(runAdvice(runOf('why', { state })) ?? '', /rowgate (work|backfill) --run 7/);
    assert.match(runAdvice(runOf('why', { state }), 'action') ?? '', /run-id: 7 and execute: true/);
  }
  assert.equal(runAdvice(runOf('', { state: 'completed' })), undefined);
  assert.equal(runAdvice(runOf('', { state: 'running' })), undefined);
  const idle = runAdvice(runOf('', { state: 'running', idleMs: 120_000 })) ?? '';
  assert.match(idle, /No worker has worked on it for 2 min 00 s, and no rows are being filled/);
  assert.match(runAdvice(runOf('', { state: 'running', idleMs: null })) ?? '', /for any time/);
});

test('a run that was interrupted says that nothing is lost and how to go on', () => {
  const report = reportOf('x', {
    ended: 'interrupted',
    exitCode: 2,
    problems: [],
    run: runOf('x', { state: 'running' }),
  });
  assert.equal(backfillHeadline(report), 'Run 7 was interrupted: 90 rows filled, and nothing lost');
  assert.equal(backfillAdvice(report, 'cli'), 'Go on with it: rowgate backfill --run 7 --execute');
});

test('a dry run ends with what to type, names that a shell would split in quotes', () => {
  const finding = { weight: 'acknowledge', name: "trigger:public.My Table's.x", acknowledged: false, message: '', hint: '' } as const; // prettier-ignore
  const report = reportOf('x', { ...dryRun, problems: [], findings: [finding] });
  assert.equal(
    backfillAdvice(report, 'cli'),
    `To write: add --execute --acknowledge 'trigger:public.My Table'\\''s.x'`,
  );
});

test('progress counts against what can be filled: within the bounds while it works, and all of it afterwards', () => {
  assert.match(
    runProgress(runOf('', { state: 'running', maxRows: 120 }), 4) ?? '',
    /^███░ 75%  90 of 120 rows$/,
  );
  assert.match(runProgress(runOf(''), 4) ?? '', /^██░░ 45%  90 of 196 rows$/, 'without the 4 orphans');
  assert.equal(runProgress(runOf('', { rowsAtStart: null }), 4), undefined, 'not counted, no guess');
});

test('a rate is told of a run at work once there is enough to go by', () => {
  const at = (s: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, s)).toISOString();
  const progress = [0, 2, 4, 6, 8].map((s) => ({ at: at(s), rows: s * 10 }));
  const running = { state: 'running', maxRows: null } as const;
  const now = Date.parse(at(9));
  assert.equal(runRate(runOf('', { ...running, progress }), now), '10 rows/s, about 11 s to go');
  assert.match(runRate(runOf('', { ...running, progress: progress.slice(0, 2) }), now) ?? '', /measuring/);
  assert.equal(runRate(runOf('', { progress }), now), undefined, 'it does not work');
});

test('what a run shows of itself names its tables, bounds, who asked, and what held it', () => {
  const text = runLines(runOf('because'), 0).join('\n');
  for (const part of ['Run 7 is stopped at a bound', '90 filled; 4 orphan; 1 batch open; met because', 'at most 90 rows', 'asked for by because', ':45.000Z holding: because', 'the parent they name is not there'])
    assert.ok(text.includes(part), `${text}\nlacks ${part}`);
}); // prettier-ignore
