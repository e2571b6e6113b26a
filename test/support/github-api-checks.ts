/** A check run as the tests look at it. */
export type ApiCheckRun = {
  readonly id: number;
  readonly name: string;
  readonly headSha: string;
  readonly externalId: string;
  /** The app that made it. */
  readonly app: number;
  status: string;
  conclusion: string | undefined;
  title: string;
  summary: string;
  readonly annotations: ApiCheckAnnotation[];
};

type ApiCheckAnnotation = {
  readonly path: string;
  readonly start_line: number;
  readonly end_line: number;
  readonly annotation_level: string;
  readonly title: string;
  readonly message: string;
};

/** The app of every workflow's own token. */
const GITHUB_ACTIONS = 15_368;

type Answer = { readonly status: number; readonly body: unknown };
type Body = {
  readonly name?: string;
  readonly head_sha?: string;
  readonly external_id?: string;
  readonly status?: string;
  readonly conclusion?: string;
  readonly output?: {
    readonly title: string;
    readonly summary: string;
    readonly annotations?: readonly ApiCheckAnnotation[];
  };
};

/** What GitHub's description leaves to its words: `output.summary` and `annotations[].message`. */
const MAX_SUMMARY_CHARACTERS = 65_535;
const MAX_MESSAGE_BYTES = 65_536;

/** Answers a request about check runs, whose form was judged before; undefined for one that is about something else. */
export function answerChecks(
  checkRuns: ApiCheckRun[],
  method: string,
  path: string,
  query: URLSearchParams,
  body: Body,
): Answer | undefined {
  const listed = /^\/commits\/([^/]+)\/check-runs$/.exec(path)?.[1];
  if (listed !== undefined) {
    const name = query.get('check_name');
    const of = checkRuns.filter((each) => each.headSha === listed && (name === null || each.name === name));
    return { status: 200, body: { total_count: of.length, check_runs: of.map(asAnswer) } };
  }
  if (path === '/check-runs' && method === 'POST') {
    const { name = '', head_sha = '', external_id = '', status = 'queued' } = body;
    const id = 70_000 + checkRuns.length;
    const begun = {
      id,
      name,
      headSha: head_sha,
      externalId: external_id,
      app: GITHUB_ACTIONS,
      status,
      conclusion: undefined,
    };
    const made: ApiCheckRun = { ...begun, title: '', summary: '', annotations: [] };
    checkRuns.push(made);
    return { status: 201, body: asAnswer(made) };
  }
  const id = /^\/check-runs\/(\d+)$/.exec(path)?.[1];
  if (id === undefined) return undefined;
  const checkRun = checkRuns.find((each) => each.id === Number(id));
  if (!checkRun) return { status: 404, body: { message: 'Not Found' } };
  if (method === 'PATCH') {
    const refusal = refuse(body);
    if (refusal !== undefined) return { status: 422, body: { message: refusal } };
    change(checkRun, body);
  }
  return { status: 200, body: asAnswer(checkRun) };
}

function refuse({ output }: Body): string | undefined {
  if ((output?.summary.length ?? 0) > MAX_SUMMARY_CHARACTERS) return 'Invalid request: summary is too long';
  const annotations = output?.annotations ?? [];
  const isWrong = ({ path, title, message }: ApiCheckAnnotation): boolean =>
    path === '' || message === '' || title.length > 255 || Buffer.byteLength(message) > MAX_MESSAGE_BYTES;
  return annotations.some(isWrong) ? 'Invalid request: an annotation is invalid' : undefined;
}

function change(checkRun: ApiCheckRun, { status, conclusion, output }: Body): void {
  checkRun.status = status ?? checkRun.status;
  checkRun.conclusion = conclusion ?? checkRun.conclusion;
  checkRun.title = output?.title ?? checkRun.title;
  checkRun.summary = output?.summary ?? checkRun.summary;
  checkRun.annotations.push(...(output?.annotations ?? []));
}

function asAnswer({
  id,
  name,
  headSha,
  externalId,
  app,
  status,
  conclusion,
  title,
  summary,
  annotations,
}: ApiCheckRun) {
  const output = { title, summary, annotations_count: annotations.length };
  return {
    id,
    app: { id: app },
    name,
    head_sha: headSha,
    external_id: externalId,
    status,
    conclusion: conclusion ?? null,
    output,
  };
}
