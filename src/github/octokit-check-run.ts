import * as z from 'zod';
import { wordsOf, type Annotation } from './annotation.ts';
import type { CheckResult, CheckRun } from './check-run.ts';
import { MAX_CHECK_ANNOTATIONS_PER_REQUEST, MAX_PAGE_ITEMS } from './limits.ts';
import { openOctokit, SILENT, type Place } from './octokit.ts';
import { isStatus, PATIENCE, persisting, type Patience, type Persist } from './persistence.ts';

/** Which check of which commit, with which token, and what ends the wait for GitHub. */
export type CheckRunAccess = Place & {
  /** The commit: of a pull request its head, as GitHub shows no checks of the merge that the run checks out. */
  readonly headSha: string;
  /** The commit that was there before; undefined where the event does not say. */
  readonly beforeSha: string | undefined;
  readonly name: string;
  /** Of this check run alone: it is found by that again, where no answer came. */
  readonly externalId: string;
  readonly detailsUrl: string | undefined;
  readonly token: string;
  readonly signal: AbortSignal;
  readonly patience?: Patience;
};

const Found = z.object({
  id: z.int().positive(),
  external_id: z.string().nullish(),
  status: z.string(),
  app: z.object({ id: z.int() }).nullish(),
  output: z.object({ summary: z.string().nullish(), annotations_count: z.int().min(0) }),
});
const Listed = z.object({ check_runs: z.array(Found) });

/** So much of the time that GitHub may take is for annotations; the rest is for ending the check without them. */
const ANNOTATIONS_SHARE = 0.75;

/** A check run through GitHub's API; nothing is asked before someone needs it. */
export function openCheckRun({
  owner,
  repo,
  headSha: head_sha,
  beforeSha,
  name,
  externalId: external_id,
  detailsUrl,
  token,
  apiUrl,
  signal,
  patience = PATIENCE,
}: CheckRunAccess): CheckRun {
  const at = { owner, repo };
  const checks = async () => (await openOctokit(token, apiUrl)).rest.checks;
  const request = (deadline: AbortSignal) => ({ request: { signal: deadline, log: SILENT } });

  const list = async (deadline: AbortSignal, ref: string): Promise<z.infer<typeof Listed>['check_runs']> => {
    const { listForRef } = await checks();
    const named = { ...at, ref, check_name: name, filter: 'all' as const, per_page: MAX_PAGE_ITEMS };
    const { data } = await listForRef({ ...named, ...request(deadline) });
    return Listed.parse(data).check_runs;
  };
  const isThis = (each: z.infer<typeof Found>): boolean => each.external_id === external_id;
  const find = async (deadline: AbortSignal): Promise<number | undefined> =>
    (await list(deadline, head_sha)).find(isThis)?.id;

  /** Where no answer came to an earlier try it may have been done all the same, and to do it again would double annotations. */
  const update = async (
    persist: Persist,
    check_run_id: number,
    change:
      | { readonly status: 'in_progress' }
      | { readonly status: 'completed'; readonly conclusion: CheckResult['conclusion'] },
    output: { readonly title: string; readonly summary: string; readonly annotations: ApiAnnotation[] },
    countAfter: number,
  ): Promise<void> => {
    const { get, update: patch } = await checks();
    let isRetry = false;
    await persist(async (deadline) => {
      if (isRetry) {
        const { data } = await get({ ...at, check_run_id, ...request(deadline) });
        const { status, output: now } = Found.parse(data);
        if (status === change.status && now.annotations_count >= countAfter) return;
      }
      isRetry = true;
      await patch({ ...at, check_run_id, ...change, output, ...request(deadline) });
    });
  };

  return {
    find: () => persisting(patience, signal)(find),
    earlier: async () => {
      const persist = persisting(patience, signal);
      const here = await persist((deadline) => list(deadline, head_sha));
      const app = here.find(isThis)?.app?.id;
      // Any app may give a check any name.
      if (app === undefined) return [];
      // A commit that was pushed over may be gone.
      const there =
        beforeSha === undefined ? [] : await persist((deadline) => list(deadline, beforeSha)).catch(() => []);
      return [here, there].flatMap((checkRuns) =>
        checkRuns
          .filter((each) => each.app?.id === app && each.status === 'completed' && !isThis(each))
          .toSorted((a, b) => b.id - a.id)
          .map(({ output }) => output.summary ?? ''),
      );
    },
    begin: () => {
      let isRetry = false;
      return persisting(
        patience,
        signal,
      )(async (deadline) => {
        const made = isRetry ? await find(deadline) : undefined;
        if (made !== undefined) return made;
        isRetry = true;
        const { create } = await checks();
        const details = detailsUrl === undefined ? {} : { details_url: detailsUrl };
        const begun = { ...at, head_sha, name, external_id, ...details, status: 'in_progress' as const };
        const { data } = await create({ ...begun, ...request(deadline) });
        return z.object({ id: z.int().positive() }).parse(data).id;
      });
    },
    complete: async (id, { conclusion, title, summary, annotations }) => {
      const persistFor = (share: number) =>
        persisting({ ...patience, totalMs: patience.totalMs * share }, signal);
      const persist = persistFor(ANNOTATIONS_SHARE);
      const end = { status: 'completed', conclusion } as const;
      let taken = 0;
      try {
        do {
          const batch = annotations.slice(taken, taken + MAX_CHECK_ANNOTATIONS_PER_REQUEST);
          const after = taken + batch.length;
          const change = after === annotations.length ? end : ({ status: 'in_progress' } as const);
          await update(persist, id, change, { title, summary, annotations: batch.map(asSent) }, after);
          taken = after;
        } while (taken < annotations.length);
        return { taken };
      } catch (refusal) {
        if (signal.aborted || annotations.length === 0 || isStatus(refusal, 403)) throw refusal;
        await update(persistFor(1 - ANNOTATIONS_SHARE), id, end, { title, summary, annotations: [] }, taken);
        return { taken, refusal };
      }
    },
  };
}

const LEVELS = { error: 'failure', warning: 'warning', notice: 'notice' } as const;

type ApiAnnotation = ReturnType<typeof asSent>;

function asSent(annotation: Annotation) {
  const { severity, file, line, endLine, column } = annotation;
  // GitHub refuses columns of what spans several lines.
  const columns =
    column !== undefined && line === endLine ? { start_column: column, end_column: column } : {};
  return {
    path: file,
    start_line: line,
    end_line: endLine,
    annotation_level: LEVELS[severity],
    ...wordsOf(annotation),
    ...columns,
  };
}
