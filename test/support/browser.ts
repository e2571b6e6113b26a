import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before } from 'node:test';
import { pathToFileURL } from 'node:url';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { renderHtml } from '../../src/report/html.ts';
import type { Report } from '../../src/report/report.ts';

const executablePath = process.env['ROWGATE_CHROMIUM'];

/** Why tests with a browser are skipped; false where there is one. */
export const skip = executablePath === undefined && 'no Chromium: ROWGATE_CHROMIUM names none';

/** Gone when the tests of the file are over. */
export const folder = mkdtempSync(path.join(tmpdir(), 'rowgate-page-'));

let browser: Browser;

before(async () => {
  if (executablePath !== undefined)
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
});
after(async () => {
  if (!skip) await browser.close();
  rmSync(folder, { recursive: true });
});

/** Opens a page, or that of a report; `said` gets whatever the browser complains of, and each request but the first. */
export async function openPage(
  shown: Report | string,
  options: BrowserContextOptions,
  work: (page: Page, said: readonly string[]) => Promise<void>,
): Promise<void> {
  const file = path.join(folder, 'page.html');
  writeFileSync(file, typeof shown === 'string' ? shown : renderHtml(shown, 2_000_000).html);
  const context = await browser.newContext(options);
  try {
    const page = await context.newPage();
    const said: string[] = [];
    page.on('console', (message) => said.push(message.text()));
    page.on('pageerror', (error) => said.push(String(error)));
    page.on('request', (request) => said.push(request.url()));
    page.on('dialog', (dialog) => said.push(dialog.message()));
    const url = pathToFileURL(file).href;
    await page.goto(url);
    assert.equal(said.shift(), url);
    await work(page, said);
  } finally {
    await context.close();
  }
}

/** A desktop's window and a phone's, in CSS pixels. */
export const sizes = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };
