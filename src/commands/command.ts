import type { Command } from 'commander';

/** What a command of the command line is handed. */
export type CommandContext = {
  /** Given when the person, or the runner, wants it to end. */
  readonly signal: AbortSignal;
  /** Says the exit code; without it, 0. */
  finish(exitCode: number): void;
};

/** Adds one command to the program; one file of this folder each. */
export type AddCommand = (program: Command, context: CommandContext) => void;
