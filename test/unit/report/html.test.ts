import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { renderHtml } from '../../../src/report/html.ts';
import type { Report, ReportResult } from '../../../src/report/report.ts';
import { readPage, type PageElement } from '../../support/html-tree.ts';
import { makeReportOf, reportOf } from '../../support/reports.ts';

const MAX_BYTES = 2_000_000;

const having = (page: readonly PageElement[], tag: string, name?: string): PageElement[] =>
  page.filter((each) => each.tag === tag && (name === undefined || each.attributes['class']?.split(' ').includes(name))); // prettier-ignore

/** Lines of checks: those tables alone have a cell that says how. */
const linesOf = (page: readonly PageElement[]): number => having(page, 'td', 'how').length;

for (const count of [0, 1, 51, 131, 10_000]) {
  test(`a page of ${count} findings is well-formed, small enough, and says what it leaves out`, () => {
    const report = makeReportOf(count);
    const { html, shown, total, step } = renderHtml(report, MAX_BYTES);
    const page = readPage(html);
    assert.ok(Buffer.byteLength(html) <= MAX_BYTES);
    assert.equal(linesOf(page), shown);
    assert.equal(total, report.results.length);
    assert.equal(step, count > 1_000 ? 'gravest only' : 'full');
    const told = /the lines of ([\d,]+) checks/.exec(
      having(page, 'p', 'left')
        .map(({ text }) => text)
        .join(),
    );
    assert.equal(Number(told?.[1]?.replaceAll(',', '') ?? 0), total - shown);
    assert.match(having(page, 'h1')[0]?.text ?? '', count > 0 ? /Broken/ : /Clean/);
  });
}

test('whatever the limit is, the page stays within it or shows nothing, and shown and left out are all', () => {
  const report = makeReportOf(131);
  fc.assert(
    fc.property(fc.integer({ min: 60_000, max: 180_000 }), (maxBytes) => {
      const { html, shown, total, step } = renderHtml(report, maxBytes);
      const page = readPage(html);
      assert.ok(Buffer.byteLength(html) <= maxBytes || shown === 0);
      assert.deepEqual([linesOf(page), total], [shown, 132]);
      const left = having(page, 'p', 'left')
        .map(({ text }) => text)
        .join();
      assert.equal(Number(/the lines of (\d+) check/.exec(left)?.[1] ?? 0), 132 - shown);
      assert.equal(step === 'full', !left.includes('to keep this page small'));
    }),
    { numRuns: 25 },
  );
});

test('the policy lets in the one style sheet and the one script of the page, and nothing else', () => {
  const page = readPage(renderHtml(makeReportOf(3), MAX_BYTES).html);
  const policy = page.find(({ attributes }) => attributes['http-equiv'] === 'Content-Security-Policy')?.attributes['content'] ?? ''; // prettier-ignore
  const hash = (tag: string): string =>
    createHash('sha256')
      .update(having(page, tag)[0]?.text ?? '')
      .digest('base64');
  assert.equal(policy, `default-src 'none'; style-src 'sha256-${hash('style')}'; script-src 'sha256-${hash('script')}'; base-uri 'none'; form-action 'none'`); // prettier-ignore
  assert.deepEqual([having(page, 'style').length, having(page, 'script').length], [1, 1]);
});

test('the page asks for nothing: no address, no image, no handler, no style of its own', () => {
  const page = readPage(renderHtml(makeReportOf(51), MAX_BYTES).html);
  const names = new Set(page.flatMap(({ attributes }) => Object.keys(attributes)));
  for (const name of ['src', 'srcset', 'style', 'action', 'ping', 'background', 'data', 'poster'])
    assert.ok(!names.has(name), name);
  assert.deepEqual([...names].filter((name) => name.startsWith('on')), []); // prettier-ignore
  assert.ok(page.every(({ attributes: { href } }) => href === undefined || href.startsWith('#')));
  assert.ok(
    !page.some(({ tag }) => ['img', 'link', 'iframe', 'object', 'embed', 'base', 'video'].includes(tag)),
  );
});

const [broken, , , , unknown] = makeReportOf(5).results as ReportResult[];
assert.ok(broken && unknown);
const textOf = (report: Report): string => readPage(renderHtml(report, MAX_BYTES).html)[0]?.text ?? '';

test('what was not measured is never shown as held', () => {
  const page = readPage(renderHtml(reportOf([unknown]), MAX_BYTES).html);
  assert.match(having(page, 'h1')[0]?.text ?? '', /Incomplete/);
  assert.equal(having(page, 'span', 'held').filter(({ attributes }) => attributes['aria-hidden']).length, 0);
  assert.match(textOf(reportOf([unknown])), /not measured/);
});

test('a count that may be higher has a plus sign, of one check as of several', () => {
  const cell = (...results: ReportResult[]): string | undefined =>
    having(readPage(renderHtml(reportOf(results), MAX_BYTES).html), 'span', 'b1').find(({ attributes }) => attributes['aria-hidden'])?.text; // prettier-ignore
  const exact = { ...broken, violations: { count: 3, exact: true } };
  assert.equal(cell(exact), '3');
  assert.equal(cell({ ...exact, violations: { count: 3, exact: false } }), '3+');
  const { rule, table } = broken;
  assert.equal(cell({ ...exact, target: 'eu' }, { ...unknown, rule, table, target: 'us' }), '3+');
});

test('a run that could not start shows its problems, and no chart of nothing', () => {
  const at = { file: 'rules/x.yml', line: 7, column: 3 };
  const problem = { code: 'rules-invalid', message: 'unknown key', hint: 'Remove it.', at };
  const page = readPage(renderHtml(reportOf([], { problems: [problem], exitCode: 3 }), MAX_BYTES).html);
  const text = page[0]?.text ?? '';
  for (const part of [/Could not start/, /rules\/x\.yml:7:3/, /unknown key/, /Remove it\./])
    assert.match(text, part);
  assert.equal(having(page, 'table').length, 0);
});

test('any text of a report is text in the page', () => {
  const shape = (text: string): string => {
    const report = reportOf([
      { ...broken, why: text || 'x', table: text || 'x', remedy: text || 'x', reason: text },
    ]);
    return readPage(renderHtml(report, MAX_BYTES).html).map(({ tag, attributes }) => `${tag} ${Object.keys(attributes).join()}`).join('\n'); // prettier-ignore
  };
  const expected = shape('harmless');
  fc.assert(fc.property(fc.string({ unit: 'binary', minLength: 1 }), (text) => shape(text) === expected));
});
