import * as z from 'zod';
import { DRIVERS } from './postgres/database.ts';
import { parseDurationMs } from './support/duration.ts';
import { didYouMean } from './support/nearest.ts';
import { Problem } from './support/problem.ts';

/** What a run is asked to do. The CLI's flags and the Action's inputs have the same names and go through the same schema. */
export type Options = z.infer<typeof optionsSchema>;

/** Texts as they come from a command line or an input; undefined where nothing was said. */
export type RawOptions = {
  readonly [Name in keyof typeof optionShapes]?: string | boolean | readonly string[] | undefined;
};

const choice = <const Values extends readonly [string, ...string[]]>(
  values: Values,
  fallback: Values[number],
) =>
  z
    .string()
    .default(fallback)
    .transform((text, context): Values[number] => {
      const found = values.find((value) => value === text);
      if (found === undefined)
        context.addIssue(`'${text}' is not one of ${values.join(', ')}${didYouMean(text, values)}`);
      return found ?? fallback;
    });

const wholeNumber = (least: number, most: number, fallback: number) =>
  z
    .string()
    .default(String(fallback))
    .transform((text, context) => {
      const number = Number(text);
      const fits = /^\d+$/.test(text) && number >= least && number <= most;
      if (!fits) context.addIssue(`'${text}' is not a whole number from ${least} to ${most}`);
      return number;
    });

const duration = (fallback: string) =>
  z
    .string()
    .default(fallback)
    .transform((text, context) => {
      try {
        return parseDurationMs(text);
      } catch (error) {
        context.addIssue(error instanceof Problem ? `${error.message}. ${error.hint}` : String(error));
        return 0;
      }
    });

const flag = (fallback: boolean) =>
  z
    .union([z.boolean(), z.string()])
    .default(fallback)
    .transform((value, context) => {
      if (value !== true && value !== false && value !== 'true' && value !== 'false')
        context.addIssue(`'${value}' is neither true nor false`);
      return String(value) === 'true';
    });

/** Items one a line, or with commas between them, or given one by one; a comma in braces belongs to a glob. */
const list = (fallback: readonly string[]) =>
  z
    .union([z.string(), z.array(z.string())])
    .optional()
    .transform((value) => {
      const items = (typeof value === 'string' ? value.split(/\n|,(?![^{\n]*\})/) : (value ?? []))
        .map((item) => item.trim())
        .filter(Boolean);
      return items.length > 0 ? items : [...fallback];
    });

/** Every option, with its default. Names are those of the flags and inputs, in camel case. */
const optionShapes = {
  rules: list(['rules/*.yml']),
  databaseUrl: z.string().optional(),
  phase: z.string().optional(),
  only: list([]),
  failOn: choice(['error', 'warning', 'never'], 'error'),
  format: choice(['text', 'json'], 'text'),
  reportDir: z.string().optional(),
  maxConnections: wholeNumber(1, 64, 2),
  statementTimeout: duration('60s'),
  maxDuration: duration('30m'),
  strategy: choice(['auto', 'scan'], 'auto'),
  proofs: flag(true),
  samples: wholeNumber(0, 100, 5),
  driver: choice(DRIVERS, 'pg'),
};

const optionsSchema = z.object(optionShapes);

/** Reads options, or throws one `options-invalid` for every one that is wrong. `spell` turns a name into what the person wrote. */
export function parseOptions(raw: RawOptions, spell: (name: string) => string): Options {
  const parsed = optionsSchema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const messages = parsed.error.issues.map(({ path, message }) => `${spell(String(path[0]))}: ${message}`);
  throw new Problem('options-invalid', messages.join('\n'));
}

/** `maxConnections` as `max-connections`. */
export function kebabCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** The names of the options that a check takes. */
export const OPTION_NAMES = Object.keys(optionShapes) as (keyof typeof optionShapes)[];
