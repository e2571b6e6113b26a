import { fileURLToPath } from 'node:url';

/** The repository's folder, whatever the current one; it ends with a separator. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url));
