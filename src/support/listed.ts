/** How many names are said before the rest is counted. */
const NAMED = 3;

/** `a, b, c and 9 more`. */
export function listed(names: readonly string[]): string {
  const more = names.length - NAMED;
  return more > 1
    ? `${names.slice(0, NAMED).join(', ')} and ${more.toLocaleString('en-US')} more`
    : names.join(', ');
}
