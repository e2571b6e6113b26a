import path from 'node:path';
import process from 'node:process';
import { makePlan } from '../plan/make-plan.ts';
import { selectAll } from '../plan/select-relations.ts';
import { stillOpen } from '../rollout/asked-already.ts';
import { discover } from '../rollout/discover.ts';
import { insertAll, renderDiff, type Insertion } from '../rollout/insertions.ts';
import { makePack } from '../rollout/make-pack.ts';
import { proposeRules } from '../rollout/propose-rules.ts';
import { withoutUnwritable } from '../rollout/unwritable.ts';
import { updatePack } from '../rollout/update-pack.ts';
import { readPack, writePack } from '../rollout/write-pack.ts';
import { MAX_FILE_BYTES } from '../rules/load-rules.ts';
import { parseRules } from '../rules/parse-rules.ts';
import { describeProblem, Problem } from '../support/problem.ts';
import type { AddCommand } from './command.ts';
import { linesOf, write } from './output.ts';
import { addTenancyFlags, readSurroundings, type Surroundings, type TenancyFlags } from './tenancy.ts';

const PACK = 'rules/tenant-isolation.yml';

type InitFlags = TenancyFlags & { readonly output: string; readonly dryRun: boolean };

/** `rowgate init`: a rules pack from the catalogue, or what an existing one does not say yet. */
export const addInit: AddCommand = (program, { signal }) => {
  addTenancyFlags(program.command('init'))
    .description(
      'write the rules that the catalogue calls for; an existing file keeps every line and gets what is new; reads the catalogue alone',
    )
    .option('--output <file>', 'the rules file', PACK)
    .option('--dry-run', 'print the change and write nothing', false)
    .action((flags: InitFlags) => init(flags, signal));
};

async function init({ output, dryRun, ...flags }: InitFlags, signal: AbortSignal): Promise<void> {
  const file = path.relative(process.cwd(), path.resolve(output)) || output;
  const found = await readSurroundings(flags, signal);
  const text = await readPack(file);
  const { insertions, notes } = await makeChange(file, text, found);
  const result = insertAll(text ?? '', insertions);
  if (insertions.length > 0) await expectUsable(file, result, found);
  for (const note of notes) await write(process.stderr, linesOf(note));
  if (dryRun) return write(process.stdout, linesOf(renderDiff(file, text, insertions).trimEnd()));
  if (insertions.length === 0) return write(process.stdout, `${file}: nothing is new\n`);
  await writePack(file, result, text);
  await write(process.stdout, linesOf(summary(file, text, insertions)));
}

/** What is to be put into the file, and what could not be written as a rule. */
async function makeChange(
  file: string,
  text: string | undefined,
  { catalog, asked, rules }: Surroundings,
): Promise<{ insertions: readonly Insertion[]; notes: readonly string[] }> {
  const own = text === undefined ? undefined : await parseRules(file, text);
  if (own && own.problems.length > 0)
    throw new Problem('rules-invalid', own.problems.map(describeProblem).join('\n'));
  const others = (rules?.rules ?? []).filter(
    ({ source }) => path.resolve(source.file) !== path.resolve(file),
  );
  const all = [...others, ...(own?.rules ?? [])];
  const selections = selectAll(all, catalog);
  const { proposals, notes } = withoutUnwritable(proposeRules(discover(catalog, asked)));
  const open = proposals.flatMap((proposal) => stillOpen(proposal, all, selections) ?? []);
  const taken = new Set(all.map(({ id }) => id));
  if (open.length === 0) return { insertions: [], notes };
  if (text === undefined || !own)
    return { insertions: [{ beforeLine: 1, text: makePack(open, taken) }], notes };
  return { insertions: updatePack({ file, text, rules: own.rules }, open, taken), notes };
}

/** What would not be read, or would not fit the catalogue, is not written. */
async function expectUsable(file: string, text: string, { catalog }: Surroundings): Promise<void> {
  if (Buffer.byteLength(text) > MAX_FILE_BYTES) {
    const message = `the file would have more than ${MAX_FILE_BYTES} bytes, the most that is read of a rules file`;
    throw new Problem('rules-invalid', message, {
      hint: 'Write several files: --schema takes the tables of some schemas, and --output names the file.',
    });
  }
  const { rules, problems } = await parseRules(file, text);
  const set = { files: [file], hash: '', rules, origin: { from: 'workspace' } as const };
  const planned = makePlan(set, catalog, { only: [], now: new Date() });
  const [problem] = [...problems, ...planned.problems];
  if (problem)
    throw new Problem(
      'internal',
      `the rules would not be right, so nothing was written: ${describeProblem(problem)}`,
      {
        hint: 'This is a bug in Rowgate. Please report it; --schema leaves tables out.',
      },
    );
}

function summary(file: string, text: string | undefined, insertions: readonly Insertion[]): string {
  const added = insertions.map((each) => each.text).join('');
  const rules = added.match(/^\s*- id: /gm)?.length ?? 0;
  const verb = text === undefined ? 'written, with' : 'got';
  return [
    `${file}: ${verb} ${rules} rules in ${added.split('\n').length - 1} new lines`,
    `Next: rowgate check --rules ${file} --phase 1   shows all of it, and fails on what no rule asks about alone`,
  ].join('\n');
}
