import { MAX_SARIF_BYTES, MAX_SARIF_RESULTS } from '../github/limits.ts';
import { attempt, ok, type Shown } from './channel.ts';
import { renderHtml } from './html.ts';
import { renderJson } from './json.ts';
import { renderJunit } from './junit.ts';
import type { Channel, Report } from './report.ts';
import { REPORT_FILE, writeReportFile } from './report-file.ts';
import { renderSarif } from './sarif.ts';

/** The files of a report folder, each a channel of that name; the report itself comes last, as it tells of the others. */
export const SARIF_FILE = 'report.sarif';
export const JUNIT_FILE = 'report.junit.xml';
export const HTML_FILE = 'report.html';

/** A larger page is slow to open and to filter; some 8,000 results fit with all there is to say. */
const MAX_HTML_BYTES = 2_000_000;

/** What a file holds, and how much of the report that is. */
type Rendered = { readonly text: string; readonly shown: Shown };

const RENDERERS: readonly (readonly [name: string, render: (report: Report) => Rendered])[] = [
  [SARIF_FILE, sarif],
  [JUNIT_FILE, (report) => ({ text: renderJunit(report), shown: ok(report.results.length) })],
  [HTML_FILE, page],
];

/**
 * Writes every file of a report folder and gives what became of each. One that cannot be made or written is `failed`,
 * leaves no earlier run's file of that name, and keeps none of the others from being written.
 */
export async function publishFiles(
  report: Report,
  earlier: readonly Channel[],
  folder: string,
): Promise<Channel[]> {
  const written: Channel[] = [];
  for (const [name, render] of RENDERERS) {
    const write = async (): Promise<Shown> => {
      const { text, shown } = render(report);
      await writeReportFile(text, folder, name);
      return shown;
    };
    written.push(await attempt(name, write));
  }
  const whole = await attempt(REPORT_FILE, async () => {
    const shown = ok(report.results.length);
    const channels = [...earlier, ...written, { name: REPORT_FILE, ...shown }];
    await writeReportFile(renderJson({ ...report, channels }), folder);
    return shown;
  });
  return [...written, whole];
}

function sarif(report: Report): Rendered {
  const limits = { maxResults: MAX_SARIF_RESULTS, maxBytes: MAX_SARIF_BYTES };
  const { sarif: text, step, shown, total } = renderSarif(report, limits);
  const reason =
    step === 'full'
      ? null
      : `${step}: code scanning takes ${limits.maxResults} results and ${limits.maxBytes} bytes`;
  return { text, shown: { state: reason === null ? 'ok' : 'degraded', shown, total, reason } };
}

function page(report: Report): Rendered {
  const { html: text, step, shown, total } = renderHtml(report, MAX_HTML_BYTES);
  const reason = step === 'full' ? null : `${step}: the page has at most ${MAX_HTML_BYTES} bytes`;
  return { text, shown: { state: reason === null ? 'ok' : 'degraded', shown, total, reason } };
}
