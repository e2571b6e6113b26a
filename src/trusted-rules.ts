import { openCommit } from './github/octokit.ts';
import type { RunnerContext } from './github/runner.ts';
import { baseCommit, trustOf } from './github/trust.ts';
import type { Options } from './options.ts';
import type { Migrations } from './migrations/migration.ts';
import { commitFiles } from './rules/commit-files.ts';
import { loadRules } from './rules/load-rules.ts';
import { holdsRawSql } from './rules/rule.ts';
import { findUnreviewed } from './rules/unreviewed.ts';
import type { World } from './world.ts';

/** What becomes of a pull request's raw SQL: it runs only as the base has it, or as it is. */
export const RAW_SQL = ['base-only', 'run'] as const;

/** Which conditions of a checkout's migrations may be asked of the rows: those that its rules' SQL may run by. */
export function askableConditions(
  context: RunnerContext,
  rawSql: (typeof RAW_SQL)[number],
): Migrations['conditions'] {
  const trust = trustOf(context);
  if (trust === 'untrusted') return 'none';
  return trust === 'own' || rawSql === 'run' ? 'all' : 'plain';
}

type Circumstances = {
  readonly context: RunnerContext;
  /** The checkout. */
  readonly folder: string;
  /** Reads the base commit. */
  readonly token: string | undefined;
  readonly rawSql: (typeof RAW_SQL)[number];
  readonly options: Options;
  readonly signal: AbortSignal;
};

/**
 * Which rules a run in a workflow takes: those of the checkout, where people who may write to the repository made it;
 * on their unreviewed pull requests, raw SQL only as the base has it; and everywhere else those of the base alone.
 * GitHub is asked only when it matters, and nothing that it does not say makes the checkout more trusted.
 */
export function trustedRules(circumstances: Circumstances): Pick<World, 'rules' | 'findUnreviewed'> {
  const { context, folder, token, rawSql, options, signal } = circumstances;
  const base = commitFiles(openCommit({ token, context, sha: baseCommit(context), signal }), folder);
  const trust = trustOf(context);
  if (trust === 'untrusted') return { rules: base };
  if (trust === 'own' || rawSql === 'run') return { rules: folder };
  const isAsked = (id: string): boolean => options.only.length === 0 || options.only.includes(id);
  return {
    rules: folder,
    findUnreviewed: async ({ rules }) => {
      const raw = rules.filter((rule) => isAsked(rule.id) && holdsRawSql(rule));
      return raw.length === 0 ? new Map() : findUnreviewed(raw, await loadRules(options.rules, base));
    },
  };
}
