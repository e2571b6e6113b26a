import { Option, type Command } from 'commander';
import process from 'node:process';
import { kebabCase, parseOptions, type Options, type RawOptions } from '../options.ts';
import { openDatabase } from '../postgres/connect.ts';
import { parseConnectionTarget } from '../postgres/connection-string.ts';
import { DRIVERS, type Database } from '../postgres/database.ts';
import { migrationsBelow } from '../migration-files.ts';
import { showProgress } from '../progress.ts';
import type { BackfillWorld } from '../world.ts';

/** Reads flags as options; a mistake is named as the person wrote it. `renamed` are flags called otherwise than their option. */
export function readFlags(raw: RawOptions, renamed: Readonly<Record<string, string>> = {}): Options {
  return parseOptions(raw, (name) => `--${kebabCase(renamed[name] ?? name)}`);
}

/** A world in the working directory, whose progress is shown on stderr until `end`. */
export function openWorld(options: Options, signal: AbortSignal): { world: BackfillWorld; end: () => void } {
  const { emit, end } = showProgress(process.stderr);
  const target = () => {
    const url = options.databaseUrl ?? process.env['DATABASE_URL'];
    return parseConnectionTarget({ url, env: process.env });
  };
  const database = (): Database => openDatabase(target(), options.driver, signal);
  const writableDatabase = (): Database => openDatabase(target(), 'pg');
  return {
    world: {
      ...(options.migrations.length > 0
        ? { migrations: () => migrationsBelow(process.cwd(), options.migrations) }
        : {}),
      rules: process.cwd(),
      database,
      writableDatabase,
      now: () => new Date(),
      emit,
      signal,
    },
    end,
  };
}

/** The flags that say which rules and which database. */
export function addDatabaseFlags(command: Command): Command {
  return command
    .option('--rules <glob...>', 'rules files, relative to the working directory (default: rules/*.yml)')
    .option('--database-url <url>', 'the database (default: DATABASE_URL, then PGHOST and its kind)')
    .addOption(
      new Option('--format <format>', 'json prints the report alone on stdout').choices(['text', 'json']),
    );
}

/** The flags that say which rules, which database, and how to ask it. */
export function addCheckFlags(command: Command): Command {
  return command
    .option(
      '--rules <glob...>',
      'rules files, relative to the working directory (default: rules/*.{yml,yaml})',
    )
    .option('--database-url <url>', 'the database (default: DATABASE_URL, then PGHOST and its kind)')
    .option('--phase <phase>', 'the phase that the target is in (default: every rule is enforced)')
    .option('--only <id...>', 'only these rules')
    .addOption(
      new Option('--fail-on <severity>', 'fail from this severity on').choices(['error', 'warning', 'never']),
    )
    .addOption(
      new Option('--format <format>', 'json prints the report alone on stdout').choices(['text', 'json']),
    )
    .option(
      '--report-dir <folder>',
      'write report.json, report.sarif, report.junit.xml and report.html there',
    )
    .option('--target-name <name>', 'what reports call the target, such as a region or a tenant')
    .option(
      '--max-connections <n>',
      "connections to use at most, and so many of the server's cores (default: 2)",
    )
    .option(
      '--statement-timeout <duration>',
      'how long one check may run on the server, for each 256 MiB of a table read whole (default: 60s)',
    )
    .option(
      '--max-duration <duration>',
      'how long the run may take; what is left then is unknown (default: 30m)',
    )
    .addOption(
      new Option('--strategy <name>', 'scan: read every table whole, whatever its indexes').choices([
        'auto',
        'scan',
      ]),
    )
    .option('--no-proofs', 'read the rows even where constraints prove the rule')
    .option('--samples <n>', 'keys of broken rows to show for each check (default: 5)')
    .addOption(new Option('--driver <driver>', 'what speaks to the server').choices([...DRIVERS]));
}
