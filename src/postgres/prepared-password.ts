/** RFC 3454: blanks other than ASCII's (table C.1.2), and what is mapped to nothing (table B.1). */
const BLANKS = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/gu;
const NOTHING = /\u00ad|\u034f|\u1806|[\u180b-\u180d]|\u200c|\u200d|\u2060|[\ufe00-\ufe0f]|\ufeff/gu;

/**
 * A password in the form that SCRAM hashes, SASLprep's of RFC 4013; ASCII stays as it is. The server takes the password
 * as it was written where SASLprep refuses it (newer emoji, mixed directions); that takes tables of Unicode 3.2 to
 * know, which neither this nor the pg package has.
 */
export function preparePassword(password: string): string {
  return password.replaceAll(BLANKS, ' ').replaceAll(NOTHING, '').normalize('NFKC');
}
