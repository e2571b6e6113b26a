import { Option } from 'commander';
import process from 'node:process';
import { discover } from '../rollout/discover.ts';
import { makeDiscoveryReport } from '../rollout/discovery-report.ts';
import { renderDiscovery } from '../rollout/discovery-text.ts';
import { plainJson } from '../support/plain.ts';
import type { AddCommand } from './command.ts';
import { write } from './output.ts';
import { addTenancyFlags, readSurroundings, selectionsOf, type TenancyFlags } from './tenancy.ts';

/** `rowgate discover`: what belongs to a tenant, and what nothing guards. */
export const addDiscover: AddCommand = (program, { signal }) => {
  addTenancyFlags(program.command('discover'))
    .description(
      "find the tenants' tables, the ways to them, what no constraint guards and what no rule asks about; reads the catalogue alone",
    )
    .addOption(new Option('--format <format>', 'json has all of it').choices(['text', 'json']))
    .action(async (flags: TenancyFlags) => {
      const found = await readSurroundings(flags, signal);
      const { database, serverVersion } = found.target;
      const discovery = discover(found.catalog, found.asked);
      const report = makeDiscoveryReport(discovery, { database, serverVersion }, selectionsOf(found));
      const isJson = found.options.format === 'json';
      await write(
        process.stdout,
        isJson ? `${plainJson(JSON.stringify(report, null, 2))}\n` : renderDiscovery(report),
      );
    });
};
