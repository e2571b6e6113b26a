import type { CheckRun, Conclusion } from '../github/check-run.ts';
import { MAX_CHECK_ANNOTATIONS_PER_REQUEST, MAX_CHECK_SUMMARY_BYTES } from '../github/limits.ts';
import { isForbidden } from '../github/persistence.ts';
import { renderAnnotations, type ChangedPlaces } from './annotations.ts';
import { whyRefused, type Shown } from './channel.ts';
import { readMarker, writeMarker, type RunRef } from './comment-marker.ts';
import { renderMarkdown } from './markdown.ts';
import type { Report } from './report.ts';
import { talliesOf, type Tallies } from './tallies.ts';
import { headline } from './words.ts';

export type CheckRunOptions = {
  readonly checkRun: CheckRun;
  /** Which of several gates it is of. */
  readonly key: string;
  readonly run: RunRef;
  /** Told the id as soon as it is known, and when there is nothing left to end. */
  readonly onBegun: (id: number) => void;
  readonly onCompleted: () => void;
  /** Told of what keeps the token from writing, once. */
  readonly onMissingPermission: (message: string) => void;
};

/** The check of its own that a run shows its result in. */
export interface CheckRunChannel {
  /** Has GitHub show it as in progress, while the run goes on. */
  begin(): void;
  /** What the last run counted, as its check holds it; undefined when there was none, or GitHub does not say. Never rejects. */
  tallies(): Promise<Tallies | undefined>;
  /** Ends it with the report, or says why not. Never rejects. */
  write(report: Report, annotations: ChangedPlaces | 'rule' | 'none'): Promise<Shown>;
}

/** Six requests a level: a person reads no more, and GitHub takes some 80 a minute from one token (REST: rate-limits). */
const LIMIT = 6 * MAX_CHECK_ANNOTATIONS_PER_REQUEST;
const LIMITS = { error: LIMIT, warning: LIMIT, notice: LIMIT };

export function checkRunChannel(options: CheckRunOptions): CheckRunChannel {
  const { checkRun, key, onBegun, onCompleted } = options;
  let begun: Promise<number> | undefined;
  const begin = (): Promise<number> => {
    begun ??= checkRun.begin().then((id) => {
      onBegun(id);
      return id;
    });
    return begun;
  };
  return {
    // Whatever becomes of it is told when the result is written.
    begin: () => void begin().catch(() => {}),
    tallies: async () => {
      try {
        await begin();
        const markers = (await checkRun.earlier()).map(readMarker);
        return markers.find((marker) => marker?.key === key && marker.tallies)?.tallies;
      } catch {
        return undefined;
      }
    },
    write: async (report, annotations) => {
      try {
        const id = await begin();
        const shown = await complete(report, annotations, options, id);
        onCompleted();
        return shown;
      } catch (error) {
        return refused(error, options);
      }
    },
  };
}

async function complete(
  report: Report,
  where: ChangedPlaces | 'rule' | 'none',
  { checkRun, key, run }: CheckRunOptions,
  id: number,
): Promise<Shown> {
  const rendered = renderAnnotations(
    report,
    LIMITS,
    where === 'rule' || where === 'none' ? undefined : where,
  );
  // A problem of the whole run stands in no file; the summary has it.
  const annotations = where === 'none' ? [] : rendered.annotations.filter(({ file }) => file !== '');
  const marker = `${writeMarker({ key, run, tallies: talliesOf(report) })}\n`;
  const room = MAX_CHECK_SUMMARY_BYTES - Buffer.byteLength(marker);
  const { markdown, isWhole, ...inSummary } = renderMarkdown(report, room);
  const conclusion = conclusionOf(report);
  const { taken, refusal } = await checkRun.complete(id, {
    conclusion,
    title: headline(report),
    summary: `${marker}${markdown}`,
    annotations,
  });
  const reasons = [
    ...(refusal === undefined
      ? []
      : [`GitHub took ${taken} of ${annotations.length} annotations: ${whyRefused(refusal, PERMISSION)}`]),
    ...(where !== 'none' && rendered.shown < rendered.total
      ? [`a check run has ${LIMIT} annotations of a level`]
      : []),
    ...(isWhole ? [] : [`its summary holds ${MAX_CHECK_SUMMARY_BYTES} bytes`]),
  ];
  const { shown, total } = where === 'none' ? inSummary : rendered;
  return reasons.length === 0
    ? { state: 'ok', shown, total, reason: null }
    : {
        state: 'degraded',
        shown: Math.min(shown, refusal === undefined ? shown : taken),
        total,
        reason: reasons.join('; '),
      };
}

/** Green is for what was measured and held, and for nothing else. */
function conclusionOf({ verdict, exitCode }: Report): Conclusion {
  if (verdict === 'clean' && exitCode === 0) return 'success';
  return verdict === 'broken' && exitCode === 0 ? 'neutral' : 'failure';
}

const PERMISSION = 'checks: write';

function refused(error: unknown, { onMissingPermission }: CheckRunOptions): Shown {
  const reason = `Could not write the check run: ${whyRefused(error, PERMISSION)}`;
  if (isForbidden(error)) {
    onMissingPermission(reason);
    return { state: 'degraded', shown: 0, total: 0, reason };
  }
  return { state: 'failed', shown: 0, total: 0, reason };
}
