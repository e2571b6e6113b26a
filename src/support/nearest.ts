import { distance } from 'fastest-levenshtein';

/** Comparing takes the product of the lengths; nobody mistypes a name as long as this. */
const MAX_COMPARED_LENGTH = 200;

/** The known name nearest to a mistyped one, when it is near enough to be what was meant. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  const furthest = Math.max(1, Math.floor(name.length / 3));
  if (name.length > MAX_COMPARED_LENGTH) return undefined;
  let best: { name: string; distance: number } | undefined;
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) > furthest) continue;
    const apart = distance(name.toLowerCase(), candidate.toLowerCase());
    if (apart <= furthest && (best === undefined || apart < best.distance))
      best = { name: candidate, distance: apart };
  }
  return best?.name;
}

/** ` (did you mean 'x'?)`, or nothing when no known name is near. */
export function didYouMean(name: string, known: Iterable<string>): string {
  const guess = nearest(name, known);
  return guess === undefined ? '' : ` (did you mean '${guess}'?)`;
}
