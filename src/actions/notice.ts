import type { Runner } from '../github/runner.ts';

/** Tells people of something that is about no file. */
export function notice(message: string, runner: Runner): void {
  runner.annotate({ severity: 'notice', title: 'Rowgate', message, file: '', line: 1, endLine: 1 });
}

/** Tells which permission the token of a run lacks. */
export function noticePermission(message: string, runner: Runner): void {
  notice(`${message}\nPull requests of forks and of Dependabot never have it: see docs/github.md.`, runner);
}
