import { plain } from '../support/plain.ts';
import { describeProblem, type Problem } from '../support/problem.ts';

/** Waits until the stream has taken the text: a report longer than a pipe's buffer must not be cut by the exit. */
export function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise((resolve) => stream.write(text, () => resolve()));
}

/** A problem, or a text that may hold data, as lines that a terminal and a log take for text alone. */
export function linesOf(what: Problem | string): string {
  const lines = (typeof what === 'string' ? what : describeProblem(what)).split('\n');
  return `${lines.map((line) => plain(line)).join('\n')}\n`;
}

/** Whether the stream is a terminal whose owner does not mind colour. */
export function useColor(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY && !process.env['NO_COLOR'];
}
