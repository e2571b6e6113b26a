import type { Pace } from './measure.ts';
import type { BenchServer } from './server.ts';

/** What every part of the benchmark works with. */
export type Bench = {
  readonly server: BenchServer;
  /** The bundled command line that is measured. */
  readonly cli: string;
  /** The repository's folder. */
  readonly root: string;
  /** Rows in all checked tables together, about. */
  readonly rows: number;
  /** `quick` is for a look at whether it works: fewer sizes, and fewer of everything. */
  readonly size: 'full' | 'quick';
  /** How often each thing is measured, at most. */
  readonly pace: Pace;
  /** Tells whoever waits what is being done. */
  readonly say: (line: string) => void;
};
