import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { posix } from 'node:path';
import { answerChecks, type ApiCheckRun } from './github-api-checks.ts';
import { mistakesOf } from './github-openapi.ts';

/** A file of a pull request, as GitHub lists it; only what the tests look at. */
export type ApiFile = {
  readonly filename: string;
  readonly status?: 'added' | 'modified' | 'removed' | 'renamed';
  readonly patch?: string;
};

/** A file of a commit: its text, or an entry of another of git's modes, such as 120000 for a symbolic link. */
export type ApiBlob = string | { readonly mode: string; readonly text: string };

/** A comment on a pull request; `author` is a login. */
export type ApiComment = {
  readonly id: number;
  readonly pull: number;
  readonly author: string;
  body: string;
};

/** What the server knows; a test may change it between requests. */
type ApiState = {
  /** As `owner/name`. */
  readonly repository: string;
  readonly pulls: readonly {
    readonly number: number;
    readonly headSha: string;
    readonly files: readonly ApiFile[];
    readonly state?: 'open' | 'closed';
    /** Where its branch is, as `owner/name`, and the branch; the repository's own unless told otherwise. */
    readonly headRepository?: string;
    readonly headBranch?: string;
  }[];
  /** The files of each commit, by its SHA. */
  readonly commits: Readonly<Record<string, Readonly<Record<string, ApiBlob>>>>;
  /** Entries of a tree over which GitHub leaves out the rest. */
  maxTreeEntries: number;
  /** What the token may do: with `read` every write is refused, with `none` every request. */
  access: 'write' | 'read' | 'none';
  /** Who the token is. */
  readonly login: string;
  comments: ApiComment[];
  readonly checkRuns: ApiCheckRun[];
  /** Characters of a comment over which it is refused. */
  maxCommentCharacters: number;
  /** Called before a request is answered, so that a test can do something at that moment. */
  before?: (request: string) => void;
};

/**
 * One bad answer: `stall` sends the headers and half of a body, and then nothing; `reset` cuts the connection; `lost`
 * does what was asked, and then cuts it.
 */
export type Failure = {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly manner?: 'answer' | 'silence' | 'stall' | 'reset' | 'lost';
  /** Which request it is for; without it, the next. */
  readonly of?: RegExp;
};

/** A GitHub API on loopback. It takes any token, and refuses a request without one. */
type GithubApi = {
  /** For `GITHUB_API_URL`. */
  readonly url: string;
  readonly state: ApiState;
  /** Requests that GitHub's own description of its API does not allow, each with why; answered with 422. */
  readonly mistakes: readonly string[];
  /** `GET /repos/o/r/pulls/1/files?page=2`, in the order of arrival, failed ones included. */
  readonly requests: readonly string[];
  /** The next requests fail so, one failure each. */
  fail(...failures: readonly Failure[]): void;
  close(): Promise<void>;
};

/** Starts a GitHub API that knows one repository; close it at the end of the test. An Enterprise Server's is below `/api/v3`. */
export async function startGithubApi(
  known: Partial<ApiState> & Pick<ApiState, 'repository'>,
  basePath: '' | '/api/v3' = '',
): Promise<GithubApi> {
  const state: ApiState = {
    access: 'write',
    pulls: [],
    commits: {},
    maxTreeEntries: 100_000,
    login: 'github-actions[bot]',
    comments: [],
    checkRuns: [],
    maxCommentCharacters: 65_536,
    ...known,
  };
  const requests: string[] = [];
  const mistakes: string[] = [];
  const failures: Failure[] = [];
  const server = createServer((request, response) => {
    const name = `${request.method} ${request.url}`;
    requests.push(name);
    const at = failures.findIndex(({ of }) => of?.test(name) ?? true);
    const [failure] = at < 0 ? [] : failures.splice(at, 1);
    if (failure && failure.manner !== 'lost') return failSo(failure, response);
    if (failure) loseAnswer(response);
    state.before?.(name);
    void json(request).then((body) => {
      const url = locate(request, basePath);
      if (url === undefined) {
        mistakes.push(`${name}: it is not below ${basePath}`);
        return send(response, 404, { message: 'Not Found' });
      }
      // Whoever may not ask is told that, whatever they ask.
      const refusal = refuse(state, request);
      if (refusal) return send(response, refusal.status, { message: refusal.message });
      const wrong = isGraphql(url) ? [] : mistakesOf(`${request.method}`, url, body);
      mistakes.push(...wrong.map((why) => `${name}: ${why}`));
      if (wrong.length > 0)
        return send(response, 422, { message: `Not as GitHub describes it: ${wrong.join('; ')}` });
      answer(state, request, url, body ?? {}, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${basePath}`,
    state,
    requests,
    mistakes,
    fail: (...more) => void failures.push(...more),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function failSo({ status, headers = {}, body, manner = 'answer' }: Failure, response: ServerResponse): void {
  if (manner === 'silence') return;
  if (manner === 'reset') return void response.destroy();
  const text = body ?? JSON.stringify({ message: `Injected ${status}` });
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers });
  if (manner === 'answer') response.end(text);
  else response.write(text.slice(0, text.length / 2));
}

function loseAnswer(response: ServerResponse): void {
  const cut = (): ServerResponse => response.destroy();
  Object.assign(response, { writeHead: () => response, end: cut });
}

/** The address without the path that the API is below; undefined for one that is elsewhere. */
function locate(request: IncomingMessage, basePath: string): URL | undefined {
  const url = new URL(request.url ?? '', `http://${request.headers.host}`);
  // An Enterprise Server has its GraphQL beside its REST API, not below it.
  if (basePath !== '' && url.pathname === '/api/graphql') return url;
  if (!url.pathname.startsWith(`${basePath}/`)) return undefined;
  url.pathname = url.pathname.slice(basePath.length);
  return url;
}

const isGraphql = ({ pathname }: URL): boolean => pathname === '/graphql' || pathname === '/api/graphql';

async function json(request: IncomingMessage): Promise<Readonly<Record<string, unknown>> | undefined> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  return text === '' ? undefined : (JSON.parse(text) as Record<string, unknown>);
}

function answer(
  state: ApiState,
  request: IncomingMessage,
  url: URL,
  body: Readonly<Record<string, unknown>>,
  response: ServerResponse,
): void {
  if (isGraphql(url)) return send(response, 200, { data: { viewer: { login: state.login } } });
  const prefix = `/repos/${state.repository}/issues/`;
  if (url.pathname.startsWith(prefix))
    return answerComments(state, url, url.pathname.slice(prefix.length), `${request.method}`, body, response);
  const ofRepository = `/repos/${state.repository}`;
  if (url.pathname.startsWith(`${ofRepository}/`)) {
    const path = url.pathname.slice(ofRepository.length);
    const checks = answerChecks(state.checkRuns, `${request.method}`, path, url.searchParams, body);
    if (checks) return send(response, checks.status, checks.body);
    if (path === '/pulls') return send(response, 200, listPulls(state, url.searchParams));
  }
  const [, repository, number, list] =
    /^\/repos\/([^/]+\/[^/]+)\/pulls\/(\d+)(\/files)?$/.exec(url.pathname) ?? [];
  const [, gitRepository, part, hash = ''] =
    /^\/repos\/([^/]+\/[^/]+)\/git\/(trees|blobs)\/([^/]+)$/.exec(url.pathname) ?? [];
  const found =
    gitRepository === state.repository && request.method === 'GET'
      ? part === 'trees'
        ? treeOf(state, hash, url.searchParams.has('recursive'))
        : blobOf(state, hash)
      : undefined;
  if (found) return send(response, 200, found);
  const pull = state.pulls.find((each) => each.number === Number(number));
  if (request.method !== 'GET' || repository !== state.repository || !pull) {
    return send(response, 404, { message: 'Not Found' });
  }
  if (list === undefined) return send(response, 200, pullAnswer(state, pull));
  const { items, link } = pageOf(pull.files, url);
  const files = items.map(({ filename, status = 'modified', patch }) => ({ filename, status, patch }));
  send(response, 200, files, link === '' ? {} : { link });
}

function pullAnswer(
  { repository }: ApiState,
  {
    number,
    headSha,
    state = 'open',
    headRepository = repository,
    headBranch = 'topic',
  }: ApiState['pulls'][number],
) {
  const head = { sha: headSha, ref: headBranch, repo: { full_name: headRepository } };
  return { number, state, head, base: { ref: 'main', repo: { full_name: repository } } };
}

/** GitHub ignores a `head` that is not `owner:branch`. */
function listPulls(state: ApiState, query: URLSearchParams) {
  const head = query.get('head') ?? '';
  const wanted = query.get('state') ?? 'open';
  return state.pulls
    .map((pull) => pullAnswer(state, pull))
    .filter((pull) => wanted === 'all' || pull.state === wanted)
    .filter(
      ({ head: { repo, ref } }) => !head.includes(':') || head === `${repo.full_name.split('/')[0]}:${ref}`,
    );
}

/** `7/comments` is a list, `comments/12` one of them. */
function answerComments(
  state: ApiState,
  url: URL,
  path: string,
  method: string,
  { body }: Readonly<Record<string, unknown>>,
  response: ServerResponse,
): void {
  const pull = Number(/^(\d+)\/comments$/.exec(path)?.[1] ?? 0);
  const comment = state.comments.find(({ id }) => path === `comments/${id}`);
  const writes = method === 'POST' || method === 'PATCH';
  const isPull = state.pulls.some(({ number }) => number === pull);
  if (!comment && !isPull) return send(response, 404, { message: 'Not Found' });
  if (writes && body === '') return send(response, 422, { message: 'Validation Failed' });
  if (writes && [...String(body)].length > state.maxCommentCharacters)
    return send(response, 422, { message: 'Validation Failed: body is too long' });
  if (isPull && method === 'GET') {
    const all = state.comments.filter((each) => each.pull === pull);
    const { items, link } = pageOf(all, url);
    return send(response, 200, items.map(asAnswer), link === '' ? {} : { link });
  }
  if (isPull && method === 'POST') {
    const id = Math.max(1_000, ...state.comments.map((each) => each.id)) + 1;
    const created = { id, pull, author: state.login, body: String(body) };
    state.comments.push(created);
    return send(response, 201, asAnswer(created));
  }
  if (comment && method === 'PATCH') {
    comment.body = String(body);
    return send(response, 200, asAnswer(comment));
  }
  if (comment && method === 'DELETE') {
    state.comments = state.comments.filter((each) => each !== comment);
    response.writeHead(204);
    return void response.end();
  }
  send(response, 404, { message: 'Not Found' });
}

function asAnswer({ id, author, body }: ApiComment) {
  return { id, body, user: { login: author } };
}

const sha1 = (text: string): string => createHash('sha1').update(text).digest('hex');
const textOf = (blob: ApiBlob): string => (typeof blob === 'string' ? blob : blob.text);

/** A commit's tree, or that of one of its folders. */
function treeOf({ commits, maxTreeEntries }: ApiState, hash: string, recursive: boolean) {
  for (const [sha, files] of Object.entries(commits)) {
    const folders = new Set(['', ...Object.keys(files).flatMap(foldersAbove)]);
    const hashOf = (folder: string): string => (folder === '' ? sha : sha1(`tree ${sha}:${folder}`));
    const folder = [...folders].find((each) => hashOf(each) === hash);
    if (folder === undefined) continue;
    const below = (path: string): boolean =>
      path !== '' &&
      (folder === '' || path.startsWith(`${folder}/`)) &&
      (recursive || posix.dirname(path) === (folder || '.'));
    const entries = [
      ...[...folders].map((path) => ({ path, mode: '040000', type: 'tree', sha: hashOf(path) })),
      ...Object.entries(files).map(([path, blob]) => blobEntry(path, blob)),
    ].filter(({ path }) => below(path));
    const tree = entries.map((entry) => ({ ...entry, path: posix.relative(folder, entry.path) }));
    return { sha: hash, truncated: tree.length > maxTreeEntries, tree: tree.slice(0, maxTreeEntries) };
  }
  return undefined;
}

function foldersAbove(path: string): string[] {
  const folder = posix.dirname(path);
  return folder === '.' ? [] : [folder, ...foldersAbove(folder)];
}

function blobEntry(path: string, blob: ApiBlob) {
  const mode = typeof blob === 'string' ? '100644' : blob.mode;
  const entry = { path, mode, sha: sha1(textOf(blob)) };
  return mode === '160000'
    ? { ...entry, type: 'commit' }
    : { ...entry, type: 'blob', size: Buffer.byteLength(textOf(blob)) };
}

function blobOf({ commits }: ApiState, hash: string) {
  const blobs = Object.values(commits).flatMap((files) => Object.values(files));
  const blob = blobs.find((each) => sha1(textOf(each)) === hash);
  if (blob === undefined) return undefined;
  const bytes = Buffer.from(textOf(blob));
  // GitHub breaks the lines of its base64.
  const content = bytes.toString('base64').replace(/.{60}/g, '$&\n');
  return { sha: hash, encoding: 'base64', size: bytes.length, content };
}

function refuse({ access }: ApiState, { method, headers, url }: IncomingMessage) {
  if (!headers.authorization) return { status: 401, message: 'Requires authentication' };
  const reads = method === 'GET' || url?.endsWith('/graphql') === true;
  const allowed = access === 'write' || (access === 'read' && reads);
  return allowed ? undefined : { status: 403, message: 'Resource not accessible by integration' };
}

/** A page of a list, and the Link header with its neighbours as GitHub writes it; pages hold 30 unless asked. */
function pageOf<Item>(all: readonly Item[], url: URL): { items: readonly Item[]; link: string } {
  const perPage = Math.min(Number(url.searchParams.get('per_page') ?? 30), 100);
  const page = Number(url.searchParams.get('page') ?? 1);
  const last = Math.max(1, Math.ceil(all.length / perPage));
  const link = (rel: string, target: number) => {
    const to = new URL(url);
    to.searchParams.set('page', String(target));
    return `<${to.href}>; rel="${rel}"`;
  };
  const before = page > 1 ? [link('prev', page - 1), link('first', 1)] : [];
  const after = page < last ? [link('next', page + 1), link('last', last)] : [];
  return { items: all.slice((page - 1) * perPage, page * perPage), link: [...before, ...after].join(', ') };
}

function send(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers });
  response.end(JSON.stringify(body));
}
