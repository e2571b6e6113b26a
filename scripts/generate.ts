import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { parse } from 'yaml';
import { backfillReportJsonSchema } from '../src/report/backfill-report.ts';
import { reportJsonSchema } from '../src/report/report.ts';
import { rolloutJsonSchema } from '../src/rollout/phase.ts';
import { KIND_NAMES, rulesJsonSchema, type KindName } from '../src/rules/rule-schema.ts';

const root = path.resolve(import.meta.dirname ?? '.', '..');
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');

/** Every file that is made from others: its path below the repository, and what it should hold. */
export async function generateFiles(): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  files.set('schema/rules.schema.json', `${JSON.stringify(rulesJsonSchema(), null, 2)}\n`);
  files.set('schema/report.schema.json', `${JSON.stringify(reportJsonSchema(), null, 2)}\n`);
  files.set('schema/backfill-report.schema.json', `${JSON.stringify(backfillReportJsonSchema(), null, 2)}\n`);
  files.set('schema/rollout.schema.json', `${JSON.stringify(rolloutJsonSchema(), null, 2)}\n`);
  for (const kind of KIND_NAMES.filter((each) => existsSync(path.join(root, 'test/kinds', each))))
    files.set(`docs/kinds/${kind}.md`, kindPage(kind));
  const options = (await resolveConfig(path.join(root, 'README.md'))) ?? {};
  files.set('README.md', await format(readmeWithTables(), { ...options, parser: 'markdown' }));
  return files;
}

type ActionFile = {
  inputs: Record<string, { description: string; default?: string; required?: boolean }>;
  outputs: Record<string, { description: string }>;
};

function readmeWithTables(): string {
  const action = parse(read('action.yml')) as ActionFile;
  const inputs = Object.entries(action.inputs).map(([name, { description, default: fallback, required }]) =>
    row(`\`${name}\``, description, required ? 'required' : fallback === undefined ? '' : `\`${fallback}\``),
  );
  const outputs = Object.entries(action.outputs).map(([name, { description }]) =>
    row(`\`${name}\``, description),
  );
  const withInputs = between(read('README.md'), 'inputs', [
    '| Input | Meaning | Default |',
    '|---|---|---|',
    ...inputs,
  ]);
  return between(withInputs, 'outputs', ['| Output | Meaning |', '|---|---|', ...outputs]);
}

const row = (...cells: string[]): string =>
  `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;

function between(text: string, name: string, lines: readonly string[]): string {
  const [begin, end] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`];
  const [start, stop] = [text.indexOf(begin), text.indexOf(end)];
  if (start === -1 || stop < start) throw new Error(`README.md lacks the markers ${begin} and ${end}`);
  return `${text.slice(0, start + begin.length)}\n\n${lines.join('\n')}\n\n${text.slice(stop)}`;
}

type Expected = Record<
  'bad' | 'good',
  readonly {
    rule: string;
    table: string | null;
    outcome: string;
    violations: number | null;
    classes: Record<string, number>;
  }[]
>;

/** A kind's page, from the fixtures that its test runs: what is shown is what is tested. */
function kindPage(kind: KindName): string {
  const file = (name: string): string => read(`test/kinds/${kind}/${name}`);
  const expected = JSON.parse(file('expected.json')) as Expected;
  const results = (side: 'bad' | 'good'): string =>
    expected[side]
      .map(({ rule, table, outcome, violations, classes }) => {
        const counts = Object.entries(classes).map(([name, count]) => `${name} ${count}`).join(', '); // prettier-ignore
        return row(
          `\`${rule}\``,
          `\`${table ?? 'query'}\``,
          outcome,
          String(violations ?? 'not measured'),
          counts,
        );
      })
      .join('\n');
  const head = '| Rule | Table | Outcome | Violations | Classes |\n|---|---|---|---:|---|';
  const block = (language: string, text: string): string => `\`\`\`${language}\n${text.trimEnd()}\n\`\`\``;
  return `${[
    `# ${kind}`,
    `Made from \`test/kinds/${kind}/\` by \`npm run generate\`; the test runs what stands here.`,
    '## The rules',
    block('yaml', file('rule.yml')),
    '## A database that breaks them',
    block('sql', file('bad.sql')),
    `${head}\n${results('bad')}`,
    '## A database that keeps them',
    block('sql', file('good.sql')),
    `${head}\n${results('good')}`,
  ].join('\n\n')}\n`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const [file, content] of await generateFiles()) {
    await mkdir(path.dirname(path.join(root, file)), { recursive: true });
    await writeFile(path.join(root, file), content);
    process.stdout.write(`${file}\n`);
  }
}
