/** Clean: every enforced rule was measured and held. */
export const EXIT_CLEAN = 0;
/** Broken: at least one enforced rule was measured and broke. */
export const EXIT_BROKEN = 1;
/** Could not tell: something that could have failed the run was not measured. */
export const EXIT_UNKNOWN = 2;
/** Could not start: bad rules, bad options, or a server that refuses these credentials. */
export const EXIT_NOT_STARTED = 3;
