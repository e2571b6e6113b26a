/** How much more than usual `npm run fuzz` asks for. */
const factor = Number(process.env['ROWGATE_FUZZ_RUNS'] ?? 1);

/** Of what is random: always the same, so that a failure in CI is one everywhere; `npm run fuzz` takes another. */
const seed = Number(process.env['ROWGATE_FUZZ_SEED'] ?? 20_261_124);

/** How often, and from which seed, a property is tried; a failure prints both. */
export function runs(usual: number): { readonly numRuns: number; readonly seed: number } {
  return { numRuns: usual * factor, seed };
}
