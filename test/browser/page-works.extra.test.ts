import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReportResult } from '../../src/report/report.ts';
import { openPage, sizes, skip } from '../support/browser.ts';
import { makeReportOf, reportOf } from '../support/reports.ts';

const [broken] = makeReportOf(1).results as [ReportResult];
const shownLines = '.fold:not([hidden]) .lines tbody tr:not([hidden])';

test('rules and tables are filtered by the keyboard alone, and the count is told', { skip }, async () => {
  await openPage(makeReportOf(51), { viewport: sizes.desktop }, async (page) => {
    const all = await page.locator('.fold:visible').count();
    const status = page.locator('#count');
    const before = await status.textContent();
    await page.keyboard.press('/');
    await page.keyboard.type('table_3');
    assert.equal(await page.evaluate('document.activeElement.id'), 'q');
    const lines = await page.locator(shownLines).allTextContents();
    assert.ok(lines.length > 0 && lines.every((line) => line.includes('public.table_3')), lines.join('\n'));
    assert.ok(await page.locator(shownLines).first().isVisible());
    assert.match((await status.textContent()) ?? '', /^\d+ rules? match/);
    await page.keyboard.type(' nowhere');
    assert.equal(await page.locator('.fold:visible').count(), 0);
    assert.ok(await page.locator('.none').isVisible());
    await page.keyboard.press('Escape');
    assert.equal(await page.locator('.fold:visible').count(), all);
    assert.equal(await status.textContent(), before);
    await page.keyboard.press('Tab');
    await page.keyboard.press('ArrowRight');
    const states = await page
      .locator('.fold:visible')
      .evaluateAll((folds) => folds.map((fold) => fold.getAttribute('data-state')));
    assert.ok(states.length > 0 && states.length < all);
    assert.ok(states.every((state) => state === 'broken'));
  });
});

test('the theme is switched by the keyboard, whatever the system prefers', { skip }, async () => {
  for (const colorScheme of ['light', 'dark'] as const) {
    await openPage(makeReportOf(1), { colorScheme }, async (page) => {
      const ground = 'getComputedStyle(document.body).backgroundColor';
      const before = await page.evaluate(ground);
      await page.locator('#theme').focus();
      await page.keyboard.press('Enter');
      assert.notEqual(await page.evaluate(ground), before);
      await page.keyboard.press('Enter');
      assert.equal(await page.evaluate(ground), before);
    });
  }
});

test('without its script the page shows every rule, and no form that does nothing', { skip }, async () => {
  await openPage(makeReportOf(51), { javaScriptEnabled: false }, async (page) => {
    assert.equal(await page.locator('.filter').isVisible(), false);
    assert.equal(await page.locator('#theme').isVisible(), false);
    assert.equal(await page.locator('.fold:visible').count(), await page.locator('.fold').count());
  });
});

test('printed, every fold is open, and closed again afterwards', { skip }, async () => {
  await openPage(makeReportOf(51), { viewport: sizes.desktop }, async (page) => {
    const openFolds = 'document.querySelectorAll("details[open]").length';
    const before = await page.evaluate(openFolds);
    await page.evaluate('dispatchEvent(new Event("beforeprint"))');
    assert.equal(await page.evaluate(openFolds), await page.locator('details').count());
    await page.emulateMedia({ media: 'print' });
    assert.equal(await page.locator('.filter').isVisible(), false);
    await page.evaluate('dispatchEvent(new Event("afterprint"))');
    assert.equal(await page.evaluate(openFolds), before);
  });
});

test('a script that a value brings is not run', { skip }, async () => {
  const evil = '</script><script>alert(1)</script><img src=x onerror=alert(1)>';
  await openPage(reportOf([{ ...broken, rule: evil, table: evil, why: evil }]), {}, async (page, said) => {
    assert.ok((await page.locator('.fold').first().textContent())?.includes(evil));
    assert.deepEqual(said, []);
  });
});
