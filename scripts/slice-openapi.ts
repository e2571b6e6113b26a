// npx tsx scripts/slice-openapi.ts: takes the operations that Rowgate asks of GitHub out of GitHub's own description of its API (MIT,
// in the npm package @octokit/openapi, which is some 400 MB unpacked) and writes them to test/fixtures/github-openapi.json.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from './root.ts';

const PACKAGE = '@octokit/openapi@23.0.2';
const DESCRIPTION = 'package/generated/api.github.com.json';

const OPERATIONS: Readonly<Record<string, readonly string[]>> = {
  '/repos/{owner}/{repo}/pulls': ['get'],
  '/repos/{owner}/{repo}/pulls/{pull_number}': ['get'],
  '/repos/{owner}/{repo}/pulls/{pull_number}/files': ['get'],
  '/repos/{owner}/{repo}/issues/{issue_number}/comments': ['get', 'post'],
  '/repos/{owner}/{repo}/issues/comments/{comment_id}': ['get', 'patch', 'delete'],
  '/repos/{owner}/{repo}/git/trees/{tree_sha}': ['get'],
  '/repos/{owner}/{repo}/git/blobs/{file_sha}': ['get'],
  '/repos/{owner}/{repo}/check-runs': ['post'],
  '/repos/{owner}/{repo}/check-runs/{check_run_id}': ['get', 'patch'],
  '/repos/{owner}/{repo}/check-runs/{check_run_id}/annotations': ['get'],
  '/repos/{owner}/{repo}/commits/{ref}/check-runs': ['get'],
};

type Json = Readonly<Record<string, unknown>>;
type Description = {
  readonly info: Json;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Json>>>>;
  readonly components: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
};

const run = promisify(execFile);
const folder = await mkdtemp(join(tmpdir(), 'rowgate-openapi-'));
try {
  const { stdout } = await run('npm', ['pack', PACKAGE, '--silent'], { cwd: folder });
  await run('tar', ['xzf', stdout.trim(), DESCRIPTION], { cwd: folder });
  const whole = JSON.parse(await readFile(join(folder, DESCRIPTION), 'utf8')) as Description;
  const slice = { source: `${PACKAGE}, ${DESCRIPTION}`, info: whole.info, paths: slicePaths(whole) };
  const file = join(ROOT, 'test', 'fixtures', 'github-openapi.json');
  await writeFile(file, `${JSON.stringify(slice, undefined, 1)}\n`);
} finally {
  await rm(folder, { recursive: true });
}

/** What a request may hold; of the answers only their statuses, as they describe whole users and repositories. */
function slicePaths(whole: Description) {
  return Object.fromEntries(
    Object.entries(OPERATIONS).map(([path, methods]) => [
      path,
      Object.fromEntries(
        methods.map((method) => {
          const operation = whole.paths[path]?.[method];
          if (operation === undefined) throw new Error(`GitHub describes no ${method} ${path}`);
          const { operationId, parameters = [], requestBody, responses = {} } = operation;
          const statuses = Object.keys(responses as Json);
          return [method, resolved({ operationId, parameters, requestBody, statuses }, whole)];
        }),
      ),
    ]),
  );
}

/** With what is referred to in its place, and without what is only for people. */
function resolved(value: unknown, whole: Description): unknown {
  if (Array.isArray(value)) return value.map((item) => resolved(item, whole));
  if (value === null || typeof value !== 'object') return value;
  const { $ref, ...rest } = value as { readonly $ref?: unknown } & Json;
  if (typeof $ref === 'string') {
    const [, , group = '', name = ''] = $ref.split('/');
    return resolved(whole.components[group]?.[name], whole);
  }
  const forPeople = new Set(['example', 'examples', 'externalDocs', 'x-multi-segment']);
  const isText = (key: string, part: unknown): boolean => key === 'description' && typeof part === 'string';
  const kept = Object.entries(rest).filter(([key, part]) => !forPeople.has(key) && !isText(key, part));
  return Object.fromEntries(kept.map(([key, part]) => [key, resolved(part, whole)]));
}
