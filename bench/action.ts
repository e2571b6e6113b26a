// npm run bench:action: what the Action costs beside the database: the size of its bundles, how long one takes to start, the requests that
// a run makes of GitHub, and the bytes that each channel has for few and for many findings. Writes bench/action-results.md.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Client } from 'pg';
import { format, resolveConfig } from 'prettier';
import { openCheckRun } from '../src/github/octokit-check-run.ts';
import { MAX_ANNOTATIONS_PER_LEVEL, MAX_SUMMARY_BYTES } from '../src/github/limits.ts';
import { openConversation } from '../src/github/octokit-conversation.ts';
import { startEmbeddedPostgres } from '../src/postgres/embedded.ts';
import { renderAnnotations } from '../src/report/annotations.ts';
import { checkRunChannel } from '../src/report/check-run.ts';
import { renderMarkdown } from '../src/report/markdown.ts';
import { publishFiles } from '../src/report/publish-files.ts';
import type { Report } from '../src/report/report.ts';
import { stickyComment } from '../src/report/sticky-comment.ts';
import { startGithubApi } from '../test/support/github-api.ts';
import { makeReportOf } from '../test/support/reports.ts';
import { runAction } from '../test/support/runner-emulator.ts';
import { load } from './machine.ts';
import { spreadOf } from './spread.ts';

const ROOT = resolve(import.meta.dirname, '..');
const RESULTS = join(ROOT, 'bench', 'action-results.md');
const STARTS = 20;
const MOST = { bundleBytes: 2_000_000, startSeconds: 0.5 };

const HEAD = 'd'.repeat(40);
const shop = { full_name: 'acme/shop', private: true };
const pull = { number: 7, head: { sha: HEAD, repo: shop }, base: { sha: 'b'.repeat(40), repo: shop } };
const event = { name: 'pull_request', payload: { repository: shop, pull_request: pull } };
const place = { owner: 'acme', repo: 'shop', token: 'ghs_1', signal: new AbortController().signal };

type Table = { readonly title: string; readonly note: string; readonly rows: readonly (readonly string[])[] };

const number = (value: number): string => value.toLocaleString('en-US');

function measureBundles(): Table {
  const sizes = ['index.js', 'post.js', 'publish.js'].map((file) => {
    const bytes = statSync(join(ROOT, 'dist', file)).size;
    const bar = bytes <= MOST.bundleBytes ? 'met' : '**not met**';
    return [`\`dist/${file}\``, `${number(bytes)} bytes`, `at most ${number(MOST.bundleBytes)}`, bar];
  });
  // Without inputs the Action refuses to start: that is all of its loading, and nothing of its work.
  const seconds = Array.from({ length: STARTS }, () => {
    const startedAt = performance.now();
    const { status } = spawnSync(process.execPath, [join(ROOT, 'dist', 'index.js')], {
      env: { INPUT_MODE: 'none' },
    });
    if (status !== 3) throw new Error(`the Action ended with ${status} where it cannot start`);
    return (performance.now() - startedAt) / 1_000;
  });
  const { median, least, most } = spreadOf(seconds);
  const spread = `${median.toFixed(2)} s (${least.toFixed(2)} to ${most.toFixed(2)})`;
  const bar = median <= MOST.startSeconds ? 'met' : '**not met**';
  return {
    title: 'Bundles and start',
    note: `A start is the whole process of \`dist/index.js\` up to its refusal of a wrong input; the median of ${STARTS}, with the least and the most.`,
    rows: [
      ['What', 'Measured', 'Bar', ''],
      ...sizes,
      ['start', spread, `at most ${MOST.startSeconds} s`, bar],
    ],
  };
}

/** Requests of whole runs under the runner emulator, on a real server and the local GitHub API. */
async function countRequests(): Promise<Table> {
  const server = await startEmbeddedPostgres();
  const api = await startGithubApi({
    repository: 'acme/shop',
    pulls: [{ number: 7, headSha: HEAD, files: [{ filename: 'app/a.rb', patch: '@@ -1 +1 @@\n+a' }] }],
  });
  try {
    const client = new Client({ connectionString: server.url });
    await client.connect();
    await client.query(
      'create table orders (id int primary key, tenant_id int); insert into orders values (1, null)',
    );
    await client.end();
    const rule = (i: number) => ({ id: `r${i}`, kind: 'not_null', tables: ['orders'], column: 'tenant_id' });
    const rules = JSON.stringify({ version: 1, rules: Array.from({ length: 60 }, (_, i) => rule(i)) });
    let runId = 0;
    const requestsOf = async (inputs: Readonly<Record<string, string>>): Promise<number> => {
      const before = api.requests.length;
      const run = await runAction({
        actionFolder: ROOT,
        files: { 'rules/a.yml': rules },
        inputs: { 'database-url': server.url, ...inputs },
        env: { GITHUB_API_URL: api.url, GITHUB_RUN_ID: String((runId += 1)) },
        event,
      });
      if (run.outputs['verdict'] !== 'broken') throw new Error(run.log);
      return api.requests.length - before;
    };
    const rows: [string, number][] = [
      ['`comment: never`', await requestsOf({ comment: 'never' })],
      ['the first comment', await requestsOf({})],
      ['each next comment', await requestsOf({})],
      [
        '`comment: never`, `annotations: changed`',
        await requestsOf({ comment: 'never', annotations: 'changed' }),
      ],
      ['`comment: never`, `check-run: true`', await requestsOf({ comment: 'never', 'check-run': 'true' })],
    ];
    if (api.mistakes.length > 0) throw new Error(api.mistakes.join('\n'));
    return {
      title: 'Requests of a run',
      note: 'Of a pull request whose 60 rules are all broken, with fewer than 100 comments and files. The check run has 60 annotations, in two batches.',
      rows: [['Run', 'Requests'], ...rows.map(([name, count]) => [name, number(count)])],
    };
  } finally {
    await api.close();
    await server.stop();
  }
}

const FINDINGS = [0, 1, 51, 131, 10_000] as const;

/** Bytes that each channel has, for reports of so many findings. */
async function weighChannels(): Promise<Table> {
  const columns = await Promise.all(FINDINGS.map((count) => weigh(makeReportOf(count))));
  const names = [...(columns[0]?.keys() ?? [])];
  return {
    title: 'Bytes of a channel',
    note: 'Of reports with so many findings, as the tests make them: some 20 tables to a rule. The summary holds 1 MiB, a comment 65,536 characters, a check its summary of 65,535 bytes.',
    rows: [
      ['Channel', ...FINDINGS.map((count) => `${number(count)} findings`)],
      ...names.map((name) => [name, ...columns.map((column) => number(column.get(name) ?? 0))]),
    ],
  };
}

async function weigh(report: Report): Promise<Map<string, number>> {
  const api = await startGithubApi({
    repository: 'acme/shop',
    pulls: [{ number: 7, headSha: HEAD, files: [] }],
  });
  const folder = mkdtempSync(join(tmpdir(), 'rowgate-bench-'));
  const bytes = new Map<string, number>();
  try {
    const limits = {
      error: MAX_ANNOTATIONS_PER_LEVEL,
      warning: MAX_ANNOTATIONS_PER_LEVEL,
      notice: MAX_ANNOTATIONS_PER_LEVEL,
    };
    bytes.set(
      'annotations of the step',
      Buffer.byteLength(JSON.stringify(renderAnnotations(report, limits).annotations)),
    );
    bytes.set('step summary', Buffer.byteLength(renderMarkdown(report, MAX_SUMMARY_BYTES).markdown));
    const onMissingPermission = (message: string): void => {
      throw new Error(message);
    };
    const gate = { key: 'gate', run: { id: 1, attempt: 1 } };
    const comment = stickyComment({
      conversation: openConversation({ ...place, number: 7, apiUrl: api.url }),
      showing: 'always',
      ...gate,
      runUrl: undefined,
      onMissingPermission,
    });
    await comment.write(report);
    bytes.set('comment', Buffer.byteLength(api.state.comments[0]?.body ?? ''));
    const checkRun = openCheckRun({ ...place, apiUrl: api.url, headSha: HEAD, beforeSha: undefined, name: 'Rowgate', externalId: 'bench', detailsUrl: undefined }); // prettier-ignore
    const nothing = (): void => {};
    const told = { onBegun: nothing, onCompleted: nothing, onMissingPermission };
    await checkRunChannel({ ...gate, ...told, checkRun }).write(report, 'rule');
    const [made] = api.state.checkRuns;
    bytes.set('check run: summary', Buffer.byteLength(made?.summary ?? ''));
    bytes.set('check run: annotations', Buffer.byteLength(JSON.stringify(made?.annotations ?? [])));
    for (const { name } of await publishFiles(report, [], folder))
      bytes.set(`\`${name}\``, statSync(join(folder, name)).size);
    return bytes;
  } finally {
    rmSync(folder, { recursive: true });
    await api.close();
  }
}

function renderTable({ title, note, rows: [head = [], ...rows] }: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rule = head.map((_, at) => (at === 0 ? '---' : '---:'));
  return [`## ${title}`, '', note, '', line(head), line(rule), ...rows.map(line)].join('\n');
}

const loadBefore = load();
const tables = [measureBundles(), await countRequests(), await weighChannels()];
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
const text = [
  '# What the Action costs',
  `Written by \`npm run bench:action\`: Rowgate ${version}, Node.js ${process.version}, ${new Date().toISOString().slice(0, 10)}, load before ${loadBefore}.`,
  ...tables.map(renderTable),
].join('\n\n');
const formatted = await format(text, { ...(await resolveConfig(RESULTS)), parser: 'markdown' });
writeFileSync(RESULTS, formatted);
process.stdout.write(formatted);
