import { MAX_ANNOTATIONS_PER_LEVEL, MAX_SUMMARY_BYTES } from '../github/limits.ts';
import type { Runner } from '../github/runner.ts';
import { renderAnnotations, type ChangedPlaces } from './annotations.ts';
import { attempt, ok, type Shown } from './channel.ts';
import type { CheckRunChannel } from './check-run.ts';
import { renderMarkdown } from './markdown.ts';
import { publishFiles } from './publish-files.ts';
import type { Channel, Report } from './report.ts';
import type { StickyComment } from './sticky-comment.ts';
import { renderTerminal } from './terminal.ts';

/** Whether a channel is used: always, only when the run is not clean, or never. */
export type Showing = 'always' | 'on-failure' | 'never';

export type PublishOptions = {
  /** Where the files of the report go; undefined writes none. Made when it is not there. */
  readonly folder: string | undefined;
  readonly runner?: {
    readonly port: Runner;
    readonly summary: Showing;
    readonly annotations: ChangedPlaces | 'rule' | 'none';
    /** The comment on the pull request, or why there is none. */
    readonly comment: StickyComment | NoChannel;
    /** The check of its own, or why there is none. */
    readonly checkRun: CheckRunChannel | NoChannel;
  };
};

export type NoChannel = { readonly reason: string };

/**
 * Hands a report to every channel and gives it back with what became of each. A channel that fails is `failed` in the
 * report and changes nothing else: the verdict was there before.
 */
export async function publish(report: Report, options: PublishOptions): Promise<Report> {
  const channels: Channel[] = [];
  if (options.runner) {
    const { port, summary, annotations, comment, checkRun } = options.runner;
    // Each of these may have to say in a notice which permission it lacks.
    const noticesKept = [comment, checkRun].filter((channel) => 'write' in channel).length;
    channels.push(await attempt('log', async () => showLog(report, port)));
    const check = await attempt('check-run', async () =>
      'write' in checkRun ? checkRun.write(report, annotations) : skipped(checkRun.reason),
    );
    channels.push(check);
    const where = isComplete(check) && annotations !== 'none' ? 'check-run' : annotations;
    channels.push(await attempt('annotations', async () => annotate(report, port, where, noticesKept)));
    channels.push(await attempt('summary', async () => summarize(report, port, summary)));
    channels.push(
      await attempt('comment', async () =>
        'write' in comment ? comment.write(report) : skipped(comment.reason),
      ),
    );
  }
  const { folder } = options;
  if (folder === undefined) return { ...report, channels };
  return { ...report, channels: [...channels, ...(await publishFiles(report, channels, folder))] };
}

const skipped = (reason: string): Shown => ({ state: 'skipped', shown: 0, total: 0, reason });

function showLog(report: Report, port: Runner): Shown {
  port.group('Rowgate', renderTerminal(report, { color: false }).trimEnd().split('\n'));
  return ok(report.results.length);
}

/** Whether a check run shows all there is to annotate, so that GitHub would show it twice. */
const isComplete = ({ state, shown, total }: Channel): boolean =>
  (state === 'ok' || state === 'degraded') && total > 0 && shown === total;

function annotate(
  report: Report,
  port: Runner,
  where: ChangedPlaces | 'rule' | 'none' | 'check-run',
  noticesKept: number,
): Shown {
  if (where === 'none') return skipped('annotations: none');
  if (where === 'check-run') return skipped('the check run has them');
  const limit = MAX_ANNOTATIONS_PER_LEVEL;
  const { annotations, shown, total } = renderAnnotations(
    report,
    { error: limit, warning: limit, notice: limit - noticesKept },
    where === 'rule' ? undefined : where,
  );
  annotations.forEach((annotation) => port.annotate(annotation));
  const reason = shown < total ? `the runner takes ${MAX_ANNOTATIONS_PER_LEVEL} of a level` : null;
  return { state: shown < total ? 'degraded' : 'ok', shown, total, reason };
}

function summarize(report: Report, port: Runner, showing: Showing): Shown {
  if (showing === 'never') return skipped('summary: never');
  if (showing === 'on-failure' && report.verdict === 'clean')
    return skipped('summary: on-failure, and the run is clean');
  const { markdown, shown, total, isWhole } = renderMarkdown(report, MAX_SUMMARY_BYTES);
  port.summary(markdown);
  const reason = isWhole ? null : `a step summary holds ${MAX_SUMMARY_BYTES} bytes`;
  return { state: isWhole ? 'ok' : 'degraded', shown, total, reason };
}
