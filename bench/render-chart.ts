import type { Results, StateResult } from './results.ts';

const BAR_HEIGHT = 14;
const BAR_GAP = 4;
const TITLE_HEIGHT = 26;
const LEFT = 130;
const RIGHT = 70;
const WIDTH = 720;

/** Bars of one state, the longest of all as wide as there is room. */
const BARS = ['25 statements', "the page's 16", 'bare count(*)', 'Rowgate'] as const;

/** The times of each state as bars, with the 25 statements as 1: an SVG that reads on light and dark pages. */
export function renderChart({ states }: Results): string {
  const blockHeight = TITLE_HEIGHT + BARS.length * (BAR_HEIGHT + BAR_GAP) + 8;
  const height = states.length * blockHeight + 12;
  const longest = Math.max(1, ...states.flatMap((state) => BARS.map((name) => shareOf(state, name))));
  const blocks = states.map((state, index) => block(state, 8 + index * blockHeight, longest));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12" role="img">`,
    '<title>Time of each way to check, with the 25 single statements as 1; shorter is better</title>',
    `<rect width="${WIDTH}" height="${height}" rx="6" fill="#ffffff"/>`,
    ...blocks,
    '</svg>',
    '',
  ].join('\n');
}

function block(result: StateResult, top: number, longest: number): string {
  const title = `<text x="12" y="${top + 16}" font-weight="bold" fill="#1f2328">${escape(result.state.title)}</text>`;
  const bars = BARS.map((name, index) => {
    const y = top + TITLE_HEIGHT + index * (BAR_HEIGHT + BAR_GAP);
    const share = shareOf(result, name);
    const width = Math.max(1, (share / longest) * (WIDTH - LEFT - RIGHT));
    const color = name === 'Rowgate' ? '#1a7f37' : '#9aa4af';
    const text = y + BAR_HEIGHT - 3;
    return [
      `<text x="${LEFT - 8}" y="${text}" text-anchor="end" fill="#1f2328">${escape(name)}</text>`,
      `<rect x="${LEFT}" y="${y}" width="${width.toFixed(1)}" height="${BAR_HEIGHT}" fill="${color}"/>`,
      `<text x="${(LEFT + width + 6).toFixed(1)}" y="${text}" fill="#1f2328">${share.toFixed(2)}</text>`,
    ].join('\n');
  });
  return [title, ...bars].join('\n');
}

function shareOf({ competitors }: StateResult, name: string): number {
  const time = (each: string): number =>
    competitors.find((competitor) => competitor.name === each)?.elapsedMs.median ?? Number.NaN;
  return time(name) / time('25 statements');
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
