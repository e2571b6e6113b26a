import { plain } from '../support/plain.ts';
import { MAX_ANNOTATION_MESSAGE_LENGTH, MAX_ANNOTATION_TITLE_LENGTH } from './limits.ts';

/** A mark on lines of a file; `file` from the repository's root, lines and columns counted from 1. */
export type Annotation = {
  readonly severity: 'error' | 'warning' | 'notice';
  readonly title: string;
  /** May hold several lines. */
  readonly message: string;
  readonly file: string;
  readonly line: number;
  readonly endLine: number;
  /** Dropped when the mark spans several lines. */
  readonly column?: number | undefined;
};

/** The words of an annotation as GitHub takes them: nothing unseen, not too long, and never an empty message, which is not shown. */
export function wordsOf({ title, message }: Annotation): {
  readonly title: string;
  readonly message: string;
} {
  const lines = message.split(/\r\n?|\n/).map((line) => plain(line));
  const clean = clip(plain(title), MAX_ANNOTATION_TITLE_LENGTH);
  return { title: clean, message: clip(lines.join('\n'), MAX_ANNOTATION_MESSAGE_LENGTH) || clean };
}

/** At most so many UTF-16 units, which is what the runner counts, and no code point cut in half. */
function clip(text: string, maxLength: number): string {
  return text.length <= maxLength ? text : `${text.slice(0, maxLength - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}
