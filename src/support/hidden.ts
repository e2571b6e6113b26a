/**
 * A character that a reviewer of a file cannot see, or that moves others about: controls but for tab and line ends, format
 * and bidi characters, halves of characters, Unicode's own line ends, and letters that are blank.
 */
export const HIDDEN_CHARACTER =
  /(?![\t\n\r])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0]/u;
