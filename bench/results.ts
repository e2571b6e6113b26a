import type { Pgtap } from './pgtap.ts';
import type { Spread } from './spread.ts';
import type { State } from './states.ts';
import type { TableReads } from './table-reads.ts';

/** Something that was measured beside the gate in one state, or the gate itself. */
export type Competitor = {
  readonly name: string;
  readonly elapsedMs: Spread;
  /** The gate alone: without the start of its process. */
  readonly ownMs?: Spread;
  readonly peakMb?: number;
  /** What the gate's whole process costs for each unit that this costs. */
  readonly rowgate?: Spread;
  /** The same without the start of the gate's process. */
  readonly rowgateOwn?: Spread;
  readonly reads: TableReads | undefined;
};

/** The gate and the 25 statements on a part of the rows; `ratio`s are to the smallest part. */
export type Growth = {
  readonly eighths: number;
  readonly elapsedMs: Spread;
  readonly ownMs: Spread;
  readonly ratio: Spread;
  readonly ownRatio: Spread;
  readonly statementsMs: Spread;
  readonly statementsRatio: Spread;
  /** The gate's whole process to the statements. */
  readonly toStatements: Spread;
  readonly peakMb: number;
};

/** One state of the database. */
export type StateResult = {
  readonly state: State;
  readonly size: {
    readonly rows: number;
    readonly tableMb: number;
    readonly indexMb: number;
    readonly pages: number;
  };
  readonly violations: number;
  /** How many of the 25 statements the server's planner gives parallel workers. */
  readonly parallel: number;
  /** How many checks the gate answered in which way. */
  readonly strategies: string;
  readonly competitors: readonly Competitor[];
  readonly growth: readonly Growth[];
};

/** A number of rules on one table. */
export type RulesResult = {
  readonly rules: number;
  readonly elapsedMs: Spread;
  readonly ownMs: Spread;
  /** To one rule, whole and without the start of the process. */
  readonly ratio: Spread;
  readonly ownRatio: Spread;
  /** To the same conditions counted by one statement, written by hand. */
  readonly toOneStatement: Spread;
  /** To a statement for each condition; undefined where that would take too long. */
  readonly toSingleStatements: Spread | undefined;
  readonly oneStatementMs: Spread;
  readonly peakMb: number;
};

/** A number of small questions, asked by both drivers. `inProcess` is the driver alone, `process` the whole gate. */
export type DriverResult = {
  readonly probes: number;
  readonly where: 'in-process' | 'process';
  readonly pgMs: Spread;
  readonly postgresMs: Spread;
  /** The postgres package's time for each unit of the pg package's. */
  readonly ratio: Spread;
  readonly peakMb: { readonly pg: number; readonly postgres: number } | undefined;
};

/** Where and how it was measured: names and values to show. */
export type Machine = readonly (readonly [string, string])[];

/** All that one run measured. */
export type Results = {
  readonly machine: Machine;
  readonly pgtap: Pgtap;
  readonly states: readonly StateResult[];
  readonly tableRows: number;
  readonly rules: readonly RulesResult[];
  readonly drivers: readonly DriverResult[];
};
