/** One run of something. */
export type Reading = {
  readonly elapsedMs: number;
  /** Without the start of the process, where it is one of ours. */
  readonly ownMs?: number;
  /** Most memory that the process held, in MB. */
  readonly peakMb?: number;
};

/** Something to measure. It throws where its answer is not the expected one. */
export type Subject = { readonly name: string; readonly run: () => Promise<Reading> };

/** The readings of each subject by its name, in the order of the rounds. */
export type Readings = ReadonlyMap<string, readonly Reading[]>;

/** How often to measure, and how long that may take: no round begins that would end later, but for the first. */
export type Pace = { readonly rounds: number; readonly mostMs: number };

/** Runs the subjects in turns, another one first in each round, so that none has always the same one before it. */
export async function measureInTurns(
  subjects: readonly Subject[],
  { rounds, mostMs }: Pace,
): Promise<Readings> {
  const readings = new Map<string, Reading[]>(subjects.map(({ name }) => [name, []]));
  const startedAt = performance.now();
  for (let round = 0; round < rounds; round += 1) {
    const elapsedMs = performance.now() - startedAt;
    if (round > 0 && elapsedMs + elapsedMs / round > mostMs) break;
    const first = round % subjects.length;
    for (const { name, run } of [...subjects.slice(first), ...subjects.slice(0, first)])
      readings.get(name)?.push(await run());
  }
  return readings;
}

/** The times of one subject, whole. */
export function elapsedOf(readings: Readings, name: string): number[] {
  return (readings.get(name) ?? []).map(({ elapsedMs }) => elapsedMs);
}

/** The times of one of our processes, without its start. */
export function ownOf(readings: Readings, name: string): number[] {
  return (readings.get(name) ?? []).map(({ ownMs = Number.NaN }) => ownMs);
}

/** The most memory that any run of the subject held, in MB; 0 where none was asked. */
export function peakOf(readings: Readings, name: string): number {
  return Math.max(0, ...(readings.get(name) ?? []).map(({ peakMb = 0 }) => peakMb));
}
