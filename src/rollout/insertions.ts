/** Text to put in front of a line, whole lines with their ends; lines count from 1. */
export type Insertion = { readonly beforeLine: number; readonly text: string };

/** The text with everything put in; what was there is as it was, to the byte. */
export function insertAll(text: string, insertions: readonly Insertion[]): string {
  const lines = linesOf(text);
  const pieces = lines.map((line, index) => [...textsBefore(insertions, index + 1), line].join(''));
  const end = textsBefore(insertions, lines.length + 1);
  const isOpen = end.length > 0 && lines.length > 0 && !lines.at(-1)?.endsWith('\n');
  return [...pieces, ...(isOpen ? ['\n'] : []), ...end].join('');
}

/** Lines around a change that are shown with it. */
const CONTEXT = 3;

/** What is put in, as a unified diff; empty where nothing is. */
export function renderDiff(file: string, text: string | undefined, insertions: readonly Insertion[]): string {
  const lines = linesOf(text ?? '');
  const places = [...new Set(insertions.map(({ beforeLine }) => beforeLine))].toSorted((a, b) => a - b);
  if (places.length === 0) return '';
  const hunks: number[][] = [];
  for (const place of places) {
    const hunk = hunks.at(-1);
    if (hunk && place - (hunk.at(-1) ?? 0) <= 2 * CONTEXT) hunk.push(place);
    else hunks.push([place]);
  }
  let added = 0;
  const bodies = hunks.map((hunk) => {
    const first = Math.max(1, (hunk[0] ?? 1) - CONTEXT);
    const last = Math.min(lines.length, (hunk.at(-1) ?? 1) + CONTEXT - 1);
    const rows: string[] = [];
    let plus = 0;
    for (let line = first; line <= last + 1; line += 1) {
      const texts = hunk.includes(line) ? textsBefore(insertions, line).flatMap(linesOf) : [];
      rows.push(...texts.map((each) => `+${each.trimEnd()}`));
      plus += texts.length;
      if (line <= last) rows.push(` ${(lines[line - 1] ?? '').replace(/\r?\n$/, '')}`);
    }
    const size = last - first + 1;
    const [start, to] = [size > 0 ? first : 0, first + added];
    added += plus;
    return [`@@ -${start},${size} +${to},${size + plus} @@`, ...rows].join('\n');
  });
  return `${[`--- ${text === undefined ? '/dev/null' : file}`, `+++ ${file}`, ...bodies].join('\n')}\n`;
}

function textsBefore(insertions: readonly Insertion[], line: number): string[] {
  return insertions.filter(({ beforeLine }) => beforeLine === line).map(({ text }) => text);
}

/** The lines of a text, each with its end. */
function linesOf(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}
