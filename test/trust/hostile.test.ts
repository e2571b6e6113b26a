import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { Client } from 'pg';
import { DRIVERS } from '../../src/postgres/database.ts';
import type { Log } from 'sarif';
import { renderHtml } from '../../src/report/html.ts';
import { renderJson } from '../../src/report/json.ts';
import { renderJunit } from '../../src/report/junit.ts';
import { renderMarkdown } from '../../src/report/markdown.ts';
import { reportSchema, type Report } from '../../src/report/report.ts';
import { renderSarif } from '../../src/report/sarif.ts';
import { renderTerminal } from '../../src/report/terminal.ts';
import { parseOptions } from '../../src/options.ts';
import { run } from '../../src/run.ts';
import { HIDDEN_CHARACTER } from '../../src/support/hidden.ts';
import { visible } from '../../src/support/plain.ts';
import { readPage, type PageElement } from '../support/html-tree.ts';
import { runGate } from '../support/run-gate.ts';
import { parseCommand, runAction } from '../support/runner-emulator.ts';
import { assertSarif } from '../support/sarif-schema.ts';
import { createDatabase, createRole, testServer } from '../support/server.ts';
import { readXml, type XmlElement } from '../support/xml.ts';
import { asName, hostileStrings } from './hostile-corpus.ts';

const counts = { tried: 0, neutralised: 0 };

/** A report about one string, the same about a harmless one, and the texts of the first that have to be there. */
type Case = { readonly report: Report; readonly harmless: Report; readonly texts: readonly string[] };

/** Whether a reader of a log sees a command; .NET's way to compare may skip what has no width. */
const isCommand = (line: string): boolean =>
  [line, line.replace(/[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}]/gu, '')].some(
    (each) => parseCommand(each) !== undefined,
  );

const UNSEEN =
  /(?![ \n])[\p{Cc}\p{Cf}\p{Cs}\p{Z}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}\u2800]/u;

function assertPlain(text: string): void {
  assert.doesNotMatch(text, UNSEEN);
  assert.deepEqual(text.split('\n').filter(isCommand), []);
}

/** What is markup in a summary: all that no value may bring. Code and entities are values. */
function skeleton(markdown: string): string {
  return markdown
    .replace(/`[^`\n]+`|<code>[^<>`\n]*<\/code>/g, 'c')
    .replace(/&#\d+;/g, '')
    .replace(/[^\n<>/|`*_~[\](){}!#@:$\\^=+&-]|(?<!^)[-=+]/gm, '');
}

/** What a browser shows of entities. */
const shown = (markdown: string): string =>
  markdown
    .replace(/&#8203;/g, '')
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)));

/** The ways of a report to people and machines that need no process of their own. */
const channels: Record<string, (each: Case) => void> = {
  terminal: ({ report, harmless, texts }) => {
    const text = renderTerminal(report, { color: false });
    assertPlain(text);
    assert.equal(stripVTControlCharacters(renderTerminal(report, { color: true })), text);
    assert.equal(text.split('\n').length, renderTerminal(harmless, { color: false }).split('\n').length);
    const readable = text.replaceAll('\\u003a', ':');
    for (const each of texts) assert.ok(readable.includes(plainly(each)), `${text}\nlacks ${plainly(each)}`);
  },
  summary: ({ report, harmless, texts }) => {
    const { markdown } = renderMarkdown(report, 1_000_000);
    assert.doesNotMatch(markdown.replaceAll('⚠️', ''), UNSEEN);
    assert.equal(skeleton(markdown), skeleton(renderMarkdown(harmless, 1_000_000).markdown));
    // Entities are entities in text, and letters in code between backticks.
    const readable = [markdown, shown(markdown)];
    const isThere = (each: string): boolean => readable.some((text) => text.includes(visible(each)));
    assert.deepEqual(texts.filter((each) => !isThere(each)), []); // prettier-ignore
  },
  sarif: ({ report, texts }) => {
    const { sarif } = renderSarif(report, { maxResults: 5_000, maxBytes: 10_000_000 });
    assertPlain(sarif);
    assertSarif(JSON.parse(sarif));
    const messages = messagesOf(sarif);
    assert.equal(messages.length, 1);
    const all = messages.join('\n');
    assert.doesNotMatch(all, /(?!\n)[\p{Cc}]|\]\(/u);
    const isThere = (each: string): boolean => all.includes(visible(each).replaceAll('](', '] ('));
    assert.deepEqual(texts.filter((each) => !isThere(each) && !urisOf(sarif).includes(each)), []); // prettier-ignore
  },
  junit: ({ report, harmless, texts }) => {
    const xml = renderJunit(report);
    assert.doesNotMatch(xml, UNSEEN);
    const elements = readXml(xml);
    assert.equal(shapeOfXml(elements), harmlessShape(harmless).xml);
    const all = elements.flatMap(({ attributes, text }) => [...Object.values(attributes), text]).join('\n');
    assert.deepEqual(texts.filter((each) => !all.includes(visible(each))), []); // prettier-ignore
  },
  html: ({ report, harmless, texts }) => {
    const html = bodyOf(report);
    assert.doesNotMatch(html, UNSEEN);
    const page = readPage(html);
    assert.equal(shapeOfPage(page), harmlessShape(harmless).page);
    const all = page[0]?.text ?? '';
    assert.deepEqual(texts.filter((each) => !all.includes(visible(each))), []); // prettier-ignore
  },
  json: ({ report }) => {
    const text = renderJson(report);
    assertPlain(text);
    assert.deepEqual(JSON.parse(text), report);
  },
};

/** A page without its style sheet and its script, which are always the same. */
function bodyOf(report: Report): string {
  const { html } = renderHtml(report, 2_000_000);
  return html.replace(/<style>[^]*?<\/style>|<script>[^]*?<\/script>/g, '');
}

function shapeOfPage(page: readonly PageElement[]): string {
  return page.map(({ tag, attributes }) => [tag, ...Object.keys(attributes)].join()).join('\n');
}

function shapeOfXml(elements: readonly XmlElement[]): string {
  return elements.map(({ name, attributes }) => [name, ...Object.keys(attributes)].join()).join('\n');
}

type Shapes = { readonly page: string; readonly xml: string };
const harmlessShapes = new Map<string, Shapes>();

/** Many cases are held against the same harmless one. */
function harmlessShape(harmless: Report): Shapes {
  const key = JSON.stringify(harmless);
  const known = harmlessShapes.get(key);
  if (known) return known;
  const page = shapeOfPage(readPage(bodyOf(harmless)));
  const shapes = { page, xml: shapeOfXml(readXml(renderJunit(harmless))) };
  harmlessShapes.set(key, shapes);
  return shapes;
}

function messagesOf(sarif: string): string[] {
  const [run] = (JSON.parse(sarif) as Log).runs;
  return (run?.results ?? []).map(({ message }) => message.text ?? '');
}

/** What the file names in a SARIF log stand for. */
function urisOf(sarif: string): string {
  const [run] = (JSON.parse(sarif) as Log).runs;
  const locations = (run?.results ?? []).flatMap((result) => result.locations ?? []);
  return locations
    .map(({ physicalLocation }) => decodeURIComponent(physicalLocation?.artifactLocation?.uri ?? ''))
    .join('\n');
}

/** As {@link plain} writes it inside of a line. */
const plainly = (text: string): string => visible(text).replaceAll('##[', '##\\u005b').slice(0, 40);

function tryChannels(cases: readonly Case[]): void {
  for (const each of cases) {
    for (const show of Object.values(channels)) {
      counts.tried += 1;
      show(each);
      counts.neutralised += 1;
    }
  }
}

const escaped = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** Of each string a schema, a table, a column, an index, a label and a key; and last the same of a harmless one. */
const strings = [...hostileStrings, 'harmless'];
const namesOf = (i: number) => ({
  schema: asName(strings[i] ?? '', `h${i}_`),
  table: asName(strings[i] ?? ''),
  column: asName(strings[i] ?? '', 'c'),
});
const tables = strings.map((text, i) => {
  const { schema, table, column } = namesOf(i);
  const name = `${escaped(schema)}.${escaped(table)}`;
  return `
    create schema ${escaped(schema)};
    create type ${escaped(schema)}.label as enum (${literal(table)});
    create table ${name} (${escaped(column)} text, label ${escaped(schema)}.label, v int, secret text, primary key (${escaped(column)}, label));
    insert into ${name} values (${literal(text)}, ${literal(table)}, null, 'unshown');`;
});
const database = await createDatabase(tables.join('\n'));
const reader = await createRole();

/** A rule for each string, whose own words hold it, too, where a rules file may. */
function rulesFor(i: number): object {
  const text = strings[i] ?? '';
  const words =
    HIDDEN_CHARACTER.test(text) || text.length > 2_000 ? {} : { why: `why ${text}`, remedy: `fix ${text}` };
  return {
    id: `r-${i}`,
    kind: 'not_null',
    schema: `h${i}_*`,
    tables: { with_column: 'v' },
    column: 'v',
    ...words,
  };
}

const rules = `version: 1\nrules:\n${strings.map((_, i) => `  - ${JSON.stringify(rulesFor(i))}\n`).join('')}`;

/** One report for each rule of a report. */
function split(report: Report): Report[] {
  return report.results.map((result) => ({ ...report, results: [{ ...result, elapsedMs: 1 }] }));
}

function casesOf(report: Report, textsOf: (i: number) => readonly string[]): Case[] {
  const reports = split(report);
  const last = reports.at(-1) as Report;
  return reports.slice(0, -1).map((each, i) => {
    const [{ why, remedy } = assert.fail()] = each.results;
    const [result = assert.fail()] = last.results;
    const words = { why: why === null ? null : 'why', remedy: remedy === null ? null : 'fix' };
    return { report: each, harmless: { ...last, results: [{ ...result, ...words }] }, texts: textsOf(i) };
  });
}

/** Each sort of report is made once, by whichever test comes first. */
function once<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | undefined;
  return () => (made ??= make());
}

const reportBy = {
  pg: once(() => runGate({ url: database.url, rules })),
  postgres: once(() => runGate({ url: database.url, rules, driver: 'postgres' })),
  reader: once(() => runGate({ url: database.urlFor(reader.name, reader.password), rules })),
};

for (const driver of DRIVERS) {
  test(`names and keys of any text are text in every format (${driver})`, async () => {
    const report = reportSchema.parse(await reportBy[driver]());
    assert.equal(report.totals.violations, strings.length);
    tryChannels(casesOf(report, (i) => [namesOf(i).schema.slice(0, 20), namesOf(i).table.slice(0, 20)]));
    for (const [i, { samples }] of report.results.entries()) {
      const { column, table } = namesOf(i);
      const [text = ''] = [strings[i]];
      const value = text.length > 500 ? `${text.slice(0, 500)}…` : text;
      assert.deepEqual(samples, [{ class: 'null', key: { [column]: value, label: table } }]);
    }
  });
}

test('names in what the server says are text, too', async () => {
  const report = reportSchema.parse(await reportBy.reader());
  assert.equal(report.totals.unknown, strings.length);
  tryChannels(casesOf(report, (i) => [namesOf(i).table.slice(0, 20)]));
});

const root = mkdtempSync(path.join(tmpdir(), 'rowgate-hostile-'));
after(() => rmSync(root, { recursive: true }));

const fileCases = once(async () => {
  const reportOf = async (name: string, i: number): Promise<Report> => {
    const folder = mkdtempSync(path.join(root, 'f'));
    writeFileSync(path.join(folder, name), `version: 1\nrules:\n  - { id: "r-${i}", kind: nope }\n`);
    const { report } = await run(parseOptions({ rules: [name.startsWith('.') ? '.*' : '*'] }, String), {
      rules: folder,
      database: () => assert.fail('there is nothing to ask'),
      now: () => new Date(0),
      emit: () => {},
      signal: new AbortController().signal,
    });
    assert.equal(report.problems.length, 1, name);
    return { ...report, elapsedMs: 1, rules: { ...report.rules, hash: '' } };
  };
  // A glob finds no name that begins with a line end.
  const fileName = (text: string): string =>
    `${asName(text.replace(/^[\n\r\u2028\u2029]/, 'x'))}.yml`.replaceAll('/', '-');
  const harmless = await reportOf('harmless', 0);
  const cases: Case[] = [];
  for (const [i, text] of hostileStrings.entries())
    cases.push({ report: await reportOf(fileName(text), i), harmless, texts: [fileName(text).slice(0, 20)] });
  return cases;
});

test('names of rules files of any text are text in every format', async () => {
  tryChannels(await fileCases());
});

/** Shows each report of a file as the Action does, in a step of a runner, behind a line that says which it is. */
const SHOW_ALL = `
import { readFileSync } from 'node:fs';
import { actionsRunner } from ${JSON.stringify(import.meta.resolve('../../src/github/runner.ts'))};
import { renderAnnotations } from ${JSON.stringify(import.meta.resolve('../../src/report/annotations.ts'))};
import { renderSarif } from '../../src/report/sarif.ts';
import { renderTerminal } from ${JSON.stringify(import.meta.resolve('../../src/report/terminal.ts'))};
const runner = actionsRunner();
for (const report of JSON.parse(readFileSync('reports.json', 'utf8'))) {
  console.log('-- next');
  for (const annotation of renderAnnotations(report, { error: 10, warning: 10, notice: 10 }).annotations) runner.annotate(annotation);
  runner.group('Rowgate', renderTerminal(report, { color: false }).trimEnd().split('\\n'));
  for (const { message } of report.problems) runner.log(message);
}
runner.output('verdict', 'broken');
`;

test('a runner is told of every report what is meant, and nothing else', async () => {
  const files = (await fileCases()).map(({ report }) => report);
  const reports = [...split(await reportBy.pg()), ...split(await reportBy.reader()), ...files];
  writeFileSync(path.join(root, 'action.yml'), 'runs:\n  using: node24\n  main: main.mts\n');
  writeFileSync(path.join(root, 'main.mts'), SHOW_ALL);
  const step = await runAction({
    actionFolder: root,
    env: { NODE_OPTIONS: `--import=${import.meta.resolve('tsx')}` },
    files: { 'reports.json': JSON.stringify(reports) },
    timeoutMs: 60_000,
  });
  assert.deepEqual(step.outputs, { verdict: 'broken' });
  const sections = step.stdoutRaw.split('-- next\n').slice(1);
  assert.equal(sections.length, reports.length, step.stderrRaw);
  for (const [i, section] of sections.entries()) {
    counts.tried += 1;
    const commands = section.split(/\r\n|\n|\r/).flatMap((line) => parseCommand(line) ?? []);
    const [annotation = assert.fail(), ...others] = commands;
    assert.deepEqual(others.map(({ name }) => name), ['group', 'stop-commands', 'endgroup']); // prettier-ignore
    assert.equal(annotation.name, 'error');
    const { title = '', file } = annotation.properties;
    assert.match(title, /^(r-\d+: [\w ,]+|Rowgate could not start or end its run)$/);
    assertPlain(annotation.data);
    const { problems, results } = reports[i] as Report;
    // The runner itself drops what it takes for more of the equals sign.
    assert.equal(file, (problems[0]?.at?.file ?? results[0]?.source.file)?.replace(/^=+/, ''));
    counts.neutralised += 1;
  }
});

const NASTY = '\n::error::x\u202e##[error]y<b>@all`|';

test('a database and a role of any name are text in everything that an Action says', async (t) => {
  const name = asName(NASTY, `db ${process.pid}`);
  const { url } = await testServer();
  const admin = new Client({ connectionString: url });
  await admin.connect();
  t.after(async () => {
    await admin.query(`drop database if exists ${escaped(name)} with (force)`);
    await admin.query(`drop role if exists ${escaped(name)}`);
    await admin.end();
  });
  await admin.query(`create role ${escaped(name)} login password 'nasty-word' createrole`);
  await admin.query(`create database ${escaped(name)} owner ${escaped(name)}`);
  const encoded = encodeURIComponent(name);
  const target = Object.assign(new URL(url), {
    username: encoded,
    password: 'nasty-word',
    pathname: encoded,
  });
  const client = new Client({ ...connectionOf(target), user: name, password: 'nasty-word', database: name });
  await client.connect();
  await client.query(`create table ${escaped(name)} (id text primary key, v int)`);
  await client.query(`insert into ${escaped(name)} values ($1, null)`, [NASTY]);
  await client.end();
  const hostile = { id: 'r-1', kind: 'not_null', tables: { with_column: 'v' }, column: 'v' };
  const run = await runAction({
    actionFolder: path.resolve('.'),
    inputs: { 'database-url': target.href, samples: '5' },
    files: { 'rules/::error::x ##[error]y.yml': JSON.stringify({ version: 1, rules: [hostile] }) },
  });
  counts.tried += 1;
  assert.equal(run.exitCode, 1, run.log);
  assert.equal(run.annotations.filter(({ level }) => level === 'error').length, 1);
  assert.ok(run.annotations.every(({ level }) => level !== 'notice'));
  assert.equal(run.outputs['verdict'], 'broken');
  assert.doesNotMatch((run.summary ?? '').replaceAll('⚠️', ''), UNSEEN);
  assert.doesNotMatch(run.summary ?? '', /<b>@|@all\b(?!.*`)/);
  const ours = /^(##\[|::(stop-commands::)?[0-9a-f-]{36}(::)?$)/;
  assertPlain(run.log.split('\n').filter((line) => !ours.test(line)).join('\n')); // prettier-ignore
  counts.neutralised += 1;
});

function connectionOf({ hostname, port }: URL) {
  return { host: hostname, port: Number(port) };
}

test('every hostile string was neutralised', (t) => {
  t.diagnostic(`hostile strings: ${counts.tried} tried, ${counts.neutralised} neutralised`);
  assert.ok(counts.tried > 4_000);
  assert.equal(counts.neutralised, counts.tried);
});
