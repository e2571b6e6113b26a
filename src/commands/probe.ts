import type { RawOptions } from '../options.ts';
import { runProbe } from '../run.ts';
import type { AddCommand } from './command.ts';
import { showReport } from './show-report.ts';
import { addDatabaseFlags, openWorld, readFlags } from './world.ts';

/** `rowgate probe`: whether the database takes what rules forbid. */
export const addProbe: AddCommand = (program, { signal, finish }) => {
  addDatabaseFlags(program.command('probe'))
    .description(
      'try what rules with `probe: true` forbid, in transactions that are rolled back; exit code 0 all refused, 1 something was taken, 2 could not tell, 3 could not start',
    )
    .option('--only <id...>', 'only these rules')
    .option('--phase <phase>', 'the phase that the target is in (default: every rule is enforced)')
    .option('--report-dir <folder>', 'write the report as files there')
    .option('--target-name <name>', 'what reports call the target, such as a region or a tenant')
    .option('--statement-timeout <duration>', 'how long one attempt may run on the server (default: 60s)')
    .option('--max-duration <duration>', 'how long it may take; what is left then is unknown (default: 30m)')
    .action(async (raw: RawOptions) => finish(await probe(raw, signal)));
};

async function probe(raw: RawOptions, signal: AbortSignal): Promise<number> {
  const options = readFlags(raw);
  const { world, end } = openWorld(options, signal);
  const { report } = await runProbe(options, world);
  end();
  return showReport(report, options);
}
