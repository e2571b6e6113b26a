import type { RunnerContext } from '../github/runner.ts';
import { trustOf } from '../github/trust.ts';
import type { Options } from '../options.ts';
import { Problem } from '../support/problem.ts';

const unreviewed = (mode: string, { eventName = '(none)' }: RunnerContext): string =>
  `mode: ${mode} does not run on the event ${eventName}: its rules may be a pull request's, or anybody's`;

/** A probe writes, if only what it rolls back: it is not for rules that nobody has reviewed. Throws where they may be such. */
export function expectOwn(context: RunnerContext): void {
  if (trustOf(context) === 'own') return;
  throw new Problem('options-invalid', unreviewed('probe', context), {
    hint: 'Run it on push, on a schedule or by workflow_dispatch.',
  });
}

/**
 * Why a run of a workflow may not fill anything, before anybody is dialled; undefined where it may. A credential that can
 * write must not be in reach of rules that nobody has reviewed, so not even a dry run is made for them.
 */
export function backfillRefusal(context: RunnerContext, options: Options): Problem | undefined {
  const { ref, isProtectedRef } = context;
  if (trustOf(context) !== 'own')
    return new Problem('backfill-refused', unreviewed('backfill', context), {
      hint: 'Start it from workflow_dispatch, on the default branch: see examples/backfill.yml.',
    });
  const writes = options.execute || options.enqueue;
  if (writes && !isProtectedRef)
    return new Problem(
      'backfill-refused',
      `rows are filled only from the default branch or a protected one, and this is ${ref ?? 'no branch'}`,
      {
        hint: 'Merge the rules, then start it from there. A dry run (without execute and enqueue) works on this branch, too.',
      },
    );
  if (writes && !options.expectDatabase)
    return new Problem(
      'backfill-refused',
      'expect-database is missing: name the database that is to be filled',
      {
        hint: 'Have the person who starts the workflow type it, as examples/backfill.yml does; a secret that points elsewhere is then found out.',
      },
    );
  return undefined;
}
