/**
 * Whether a name is what a pattern says, in which `*` stands for any characters, none included, and `?` for one. The
 * time it takes is at most the product of both lengths.
 */
export function matchesWildcard(pattern: string, name: string): boolean {
  const [want, have] = [Array.from(pattern), Array.from(name)];
  let [at, star, retry] = [0, -1, 0];
  for (let i = 0; i < have.length;) {
    if (want[at] === '*') [star, retry, at] = [at, i, at + 1];
    else if (at < want.length && (want[at] === '?' || want[at] === have[i])) [at, i] = [at + 1, i + 1];
    else if (star >= 0) [at, i, retry] = [star + 1, retry + 1, retry + 1];
    else return false;
  }
  return want.slice(at).every((each) => each === '*');
}
