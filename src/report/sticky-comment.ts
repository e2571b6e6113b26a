import type { Comment, Conversation } from '../github/conversation.ts';
import { MAX_COMMENT_CHARACTERS } from '../github/limits.ts';
import { isForbidden, isStatus } from '../github/persistence.ts';
import { whyRefused, type Shown } from './channel.ts';
import { isNewer, readMarker, writeMarker, type Marker, type RunRef } from './comment-marker.ts';
import { renderMarkdown, type RenderedMarkdown } from './markdown.ts';
import type { Report } from './report.ts';
import { talliesOf, type Tallies } from './tallies.ts';

/** When there is a comment; one that is there already is brought up to date in any case but `never`. */
export const COMMENT_SHOWINGS = ['auto', 'always', 'on-failure', 'never'] as const;

export type CommentOptions = {
  readonly conversation: Conversation;
  readonly showing: (typeof COMMENT_SHOWINGS)[number];
  readonly key: string;
  readonly run: RunRef;
  readonly runUrl: string | undefined;
  /** Markdown of our own above the report. */
  readonly preface?: string;
  /** Told of what keeps the token from writing, once. */
  readonly onMissingPermission: (message: string) => void;
};

/** The comment on a pull request that each run of a gate brings up to date. */
export interface StickyComment {
  /** What the last run counted; undefined when there was none, or GitHub does not say. Never rejects. */
  tallies(): Promise<Tallies | undefined>;
  /** Writes it, or says why not. Never rejects. */
  write(report: Report): Promise<Shown>;
  /** Of the comment that shows the report, once it does. */
  readonly id: number | undefined;
}

type Ours = { readonly comment: Comment; readonly marker: Marker };
type Written = { readonly id: number } | { readonly newer: RunRef };

/** The comment of one gate; GitHub is asked for those that are there once, and not before someone needs them. */
export function stickyComment(options: CommentOptions): StickyComment {
  const { conversation, showing, key, run } = options;
  let found: Promise<readonly Ours[]> | undefined;
  const find = (): Promise<readonly Ours[]> => (found ??= findOurs(conversation, key));
  let id: number | undefined;
  return {
    get id() {
      return id;
    },
    tallies: async () => {
      const ours = await find().catch(() => []);
      return keeperOf(ours)?.marker.tallies;
    },
    write: async (report) => {
      try {
        const ours = await find();
        if (ours.length === 0 && !isWanted(report, showing))
          return skipped(`comment: ${showing}, and there is nothing to tell`);
        const { written, shown } = await fitting(report, options, (body) =>
          put(ours, body, conversation, key, run),
        );
        if ('newer' in written) return skipped(`run ${written.newer.id}, which is newer, has commented`);
        ({ id } = written);
        return shown;
      } catch (error) {
        return refused(error, options);
      }
    },
  };
}

const skipped = (reason: string): Shown => ({ state: 'skipped', shown: 0, total: 0, reason });

function isWanted({ verdict, results, problems }: Report, showing: CommentOptions['showing']): boolean {
  if (showing === 'always') return true;
  if (verdict !== 'clean') return true;
  return showing === 'auto' && (problems.length > 0 || results.some(({ outcome }) => outcome !== 'held'));
}

/** Those with our marker and key that this token's own user wrote: anybody can write a marker. */
async function findOurs(conversation: Conversation, key: string, me?: string): Promise<readonly Ours[]> {
  const marked = (await conversation.list()).flatMap((comment) => {
    const marker = readMarker(comment.body);
    return marker?.key === key ? [{ comment, marker }] : [];
  });
  if (marked.length === 0) return [];
  const author = me ?? (await conversation.me());
  return marked.filter(({ comment }) => comment.author === author);
}

/** The newest run's; of one run's the oldest. Whoever looks at the same comments keeps the same one. */
function keeperOf(ours: readonly Ours[]): Ours | undefined {
  const [first] = ours.toSorted(
    ({ comment: a, marker: { run: ofA } }, { comment: b, marker: { run: ofB } }) =>
      isNewer(ofA, ofB) ? -1 : isNewer(ofB, ofA) ? 1 : a.id - b.id,
  );
  return first;
}

async function put(
  ours: readonly Ours[],
  body: string,
  conversation: Conversation,
  key: string,
  run: RunRef,
): Promise<Written> {
  const keeper = keeperOf(ours);
  if (keeper === undefined) return create(body, conversation, key, run);
  if (isNewer(keeper.marker.run, run)) return { newer: keeper.marker.run };
  const { id } = keeper.comment;
  const isThere = sameText(keeper.comment.body, body) || (await conversation.update(id, body)) === 'updated';
  await removeOthers(ours, id, conversation);
  return isThere ? { id } : create(body, conversation, key, run);
}

/** Another job may have been looking at the same moment, so this looks again, and one of the two comments goes. */
async function create(body: string, conversation: Conversation, key: string, run: RunRef): Promise<Written> {
  const created = await conversation.create(body);
  const ours = await findOurs(conversation, key, created.author);
  const keeper = keeperOf(ours);
  if (keeper === undefined || keeper.comment.id === created.id) {
    await removeOthers(ours, created.id, conversation);
    return { id: created.id };
  }
  const isOlder = isNewer(keeper.marker.run, run);
  if (!isOlder && (await conversation.update(keeper.comment.id, body)) === 'gone') return { id: created.id };
  await conversation.remove(created.id);
  return isOlder ? { newer: keeper.marker.run } : { id: keeper.comment.id };
}

async function removeOthers(ours: readonly Ours[], kept: number, conversation: Conversation): Promise<void> {
  for (const { comment } of ours) if (comment.id !== kept) await conversation.remove(comment.id);
}

/** GitHub stores other line ends than it was sent. */
function sameText(a: string, b: string): boolean {
  const plain = (text: string): string => text.replaceAll('\r\n', '\n').trimEnd();
  return plain(a) === plain(b);
}

/** Smaller each time GitHub says that it is too long: it may count otherwise, as an Enterprise Server may. */
const SIZES = [1, 1 / 2, 1 / 8] as const;

async function fitting(
  report: Report,
  options: CommentOptions,
  give: (body: string) => Promise<Written>,
): Promise<{ readonly written: Written; readonly shown: Shown }> {
  for (const [index, size] of SIZES.entries()) {
    const maxCharacters = Math.floor(MAX_COMMENT_CHARACTERS * size);
    const { body, shown, total, isWhole } = renderComment(report, options, maxCharacters);
    try {
      const written = await give(body);
      const reason = isWhole ? null : `a comment holds ${maxCharacters} characters`;
      return { written, shown: { state: isWhole ? 'ok' : 'degraded', shown, total, reason } };
    } catch (error) {
      if (!isStatus(error, 422) || index === SIZES.length - 1) throw error;
    }
  }
  throw new TypeError('there is a smallest size');
}

/** The text of the comment, at most so many UTF-16 units long, of which it has no fewer than characters. */
function renderComment(
  report: Report,
  { key, run, runUrl, preface }: Pick<CommentOptions, 'key' | 'run' | 'runUrl' | 'preface'>,
  maxCharacters: number,
): Omit<RenderedMarkdown, 'markdown'> & { readonly body: string } {
  const whole = writeMarker({ key, run, tallies: talliesOf(report) });
  const marker = whole.length > maxCharacters / 4 ? writeMarker({ key, run, tallies: undefined }) : whole;
  const attempt = run.attempt > 1 ? `, attempt ${run.attempt}` : '';
  const source = runUrl === undefined ? '' : `\n<sub>[Run ${run.id}${attempt}](${runUrl})</sub>\n`;
  const head = preface === undefined ? `${marker}\n` : `${marker}\n${preface}\n\n`;
  const room = maxCharacters - head.length - source.length;
  const { markdown, ...extent } = renderMarkdown(report, room, ({ length }) => length);
  return { body: `${head}${markdown}${source}`, ...extent };
}

const PERMISSION = 'pull-requests: write';

function refused(error: unknown, { showing, onMissingPermission }: CommentOptions): Shown {
  const why = whyRefused(error, PERMISSION);
  if (!isForbidden(error))
    return { state: 'failed', shown: 0, total: 0, reason: `Could not comment: ${why}` };
  const reason = `Could not comment on the pull request: ${why}`;
  onMissingPermission(reason);
  return { state: showing === 'auto' ? 'skipped' : 'degraded', shown: 0, total: 0, reason };
}
