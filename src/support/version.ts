declare const ROWGATE_VERSION: string | undefined;

/** The version of this Rowgate; `development` where it runs from its sources. The build puts it in. */
export const VERSION: string = typeof ROWGATE_VERSION === 'string' ? ROWGATE_VERSION : 'development';
