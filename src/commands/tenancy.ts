// What `discover` and `init` have in common: their flags, and the catalogue that both read.
import { Option, type Command } from 'commander';
import type { Options, RawOptions } from '../options.ts';
import type { Selection } from '../kinds/kind.ts';
import { findTable, selectAll } from '../plan/select-relations.ts';
import { readCatalog, type Catalog, type Relation } from '../postgres/catalog.ts';
import { DRIVERS } from '../postgres/database.ts';
import { openSnapshot, type SnapshotTarget } from '../postgres/snapshot.ts';
import type { DiscoverOptions } from '../rollout/discovery.ts';
import { loadRules } from '../rules/load-rules.ts';
import type { RuleSet } from '../rules/rule.ts';
import { didYouMean } from '../support/nearest.ts';
import { describeProblem, Problem } from '../support/problem.ts';
import { openWorld, readFlags } from './world.ts';

/** The flags of both commands, as commander gives them. */
export type TenancyFlags = Pick<RawOptions, 'rules' | 'databaseUrl' | 'format' | 'driver'> & {
  readonly root?: string;
  readonly column?: readonly string[];
  readonly global?: readonly string[];
  readonly schema?: readonly string[];
};

export function addTenancyFlags(command: Command): Command {
  return command
    .option('--database-url <url>', 'the database (default: DATABASE_URL, then PGHOST and its kind)')
    .option('--root <table>', 'the table of tenants (default: the likeliest)')
    .option('--column <name...>', 'further names of columns that hold a tenant')
    .option('--global <table...>', 'tables that all tenants share')
    .option('--schema <name...>', 'tell only of tables of these schemas (default: all)')
    .option('--rules <glob...>', 'rules files there are (default: rules/*.yml, where there are any)')
    .addOption(new Option('--driver <driver>', 'what speaks to the server').choices([...DRIVERS]));
}

/** What there is: the catalogue of the database, and the rules. */
export type Surroundings = {
  readonly options: Options;
  readonly catalog: Catalog;
  readonly target: SnapshotTarget;
  /** Undefined where nobody named any rules and there are none. */
  readonly rules: RuleSet | undefined;
  readonly asked: DiscoverOptions;
};

/** Reads rules and catalogue. Reads no table; throws where a rule or a flag is wrong. */
export async function readSurroundings(flags: TenancyFlags, signal: AbortSignal): Promise<Surroundings> {
  const { rules: globs, databaseUrl, format, driver } = flags;
  const options = readFlags({ rules: globs, databaseUrl, format, driver });
  const { world, end } = openWorld(options, signal);
  const rules = await readRules(options, world.rules, globs !== undefined);
  const snapshot = await openSnapshot(world.database());
  try {
    world.emit({ event: 'connected', target: snapshot.target });
    const catalog = await readCatalog(snapshot.leader);
    return { options, catalog, target: snapshot.target, rules, asked: readAsked(flags, catalog) };
  } finally {
    end();
    await snapshot.close();
  }
}

async function readRules(
  options: Options,
  from: Parameters<typeof loadRules>[1],
  areNamed: boolean,
): Promise<RuleSet | undefined> {
  const { rules, problems } = await loadRules(options.rules, from);
  if (!areNamed && rules.files.length === 0) return undefined;
  if (problems.length > 0) throw new Problem('rules-invalid', problems.map(describeProblem).join('\n'));
  return rules;
}

/** What the rules are asked of; undefined where there are none. */
export function selectionsOf({ rules, catalog }: Surroundings): readonly Selection[] | undefined {
  return rules && selectAll(rules.rules, catalog);
}

function readAsked(flags: TenancyFlags, catalog: Catalog): DiscoverOptions {
  const { root, column: columns = [], global: globals = [], schema: schemas = [] } = flags;
  const present = [...new Set(catalog.relations.map(({ name }) => name.schema as string))];
  const find = (flag: string, written: string): Relation => {
    const found = ['public', ...present].map((schema) => findTable(catalog, schema, written)).find(Boolean);
    if (found) return found;
    const names = catalog.relations.flatMap(({ name }) => [
      name.name as string,
      `${name.schema}.${name.name}`,
    ]);
    throw new Problem(
      'options-invalid',
      `${flag}: there is no table '${written}'${didYouMean(written, names)}`,
    );
  };
  for (const schema of schemas)
    if (!present.includes(schema))
      throw new Problem(
        'options-invalid',
        `--schema: there is no table in a schema '${schema}'${didYouMean(schema, present)}`,
      );
  for (const name of columns)
    if (!catalog.relations.some((each) => each.columns.has(name)))
      throw new Problem('options-invalid', `--column: no table has a column '${name}'`);
  return {
    root: root === undefined ? undefined : find('--root', root),
    columns,
    globals: new Set(globals.map((written) => find('--global', written))),
    schemas,
  };
}
