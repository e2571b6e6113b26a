import * as z from 'zod';
import { DRIVERS } from './postgres/database.ts';
import { SIGNAL_NAMES, SIGNALS, type SignalName, type Throttling } from './backfill/throttle.ts';
import { DURATION_PATTERN, parseDurationMs } from './support/duration.ts';
import { HIDDEN_CHARACTER } from './support/hidden.ts';
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

/** Undefined where nothing was said, or an empty text, as GitHub gives for an input that was left out. */
const optional = <Schema extends z.ZodType>(schema: Schema) =>
  z.preprocess((value) => (value === '' ? undefined : value), z.union([z.undefined(), schema]));

const decimal = (least: number, most: number, fallback: number) =>
  z
    .string()
    .default(String(fallback))
    .transform((text, context) => {
      const number = Number(text);
      const fits = /^\d+(\.\d+)?$/.test(text) && number >= least && number <= most;
      if (!fits) context.addIssue(`'${text}' is not a number from ${least} to ${most}`);
      return number;
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

/**
 * Findings by their names, one a line; in a single line a comma separates only where another name begins after it, as
 * the names of tables may hold commas.
 */
const findings = () =>
  z
    .union([z.string(), z.array(z.string())])
    .optional()
    .transform((value) => {
      const split = (text: string) =>
        text.split(text.includes('\n') ? '\n' : /,(?=\s*(?:[a-z-]+:|long-transaction\s*(?:,|$)))/);
      return (typeof value === 'string' ? split(value) : (value ?? []))
        .map((item) => item.trim())
        .filter(Boolean);
    });

/** What a person calls something: it stands in tables and file-like lists, so it is short and can be seen. */
const name = () =>
  z
    .string()
    .trim()
    .max(100, 'is longer than 100 characters')
    .refine(
      (text) => !/[\t\n\r]/.test(text) && !HIDDEN_CHARACTER.test(text),
      'holds a character that cannot be seen',
    )
    .transform((text) => text || undefined)
    .optional();

/** Every option, with its default. Names are those of the flags and inputs, in camel case. */
const optionShapes = {
  rules: list(['rules/*.{yml,yaml}']),
  migrations: list([]),
  databaseUrl: z.string().optional(),
  phase: z.string().optional(),
  only: list([]),
  failOn: choice(['error', 'warning', 'never'], 'error'),
  format: choice(['text', 'json'], 'text'),
  reportDir: z.string().optional(),
  targetName: name(),
  baseline: optional(z.string()),
  maxConnections: wholeNumber(1, 64, 2),
  statementTimeout: duration('60s'),
  maxDuration: duration('30m'),
  strategy: choice(['auto', 'scan'], 'auto'),
  proofs: flag(true),
  samples: wholeNumber(0, 100, 5),
  driver: choice(DRIVERS, 'pg'),
  backfillRule: list([]),
  execute: flag(false),
  enqueue: flag(false),
  runId: z.string().optional(),
  join: flag(false),
  expectDatabase: z.string().optional(),
  acknowledge: findings(),
  maxRows: optional(wholeNumber(1, Number.MAX_SAFE_INTEGER, 1)),
  batchTarget: duration('350ms'),
  nice: decimal(0, 100, 1),
  workers: wholeNumber(1, 16, 1),
  throttle: list([]).transform(readThrottle),
  requireSignal: list([]).transform(readRequired),
  throttleQuery: z.string().optional(),
  reports: list([]),
  expect: list([]),
  maxAge: duration('24h'),
};

const UNITS: Readonly<Record<string, number>> = { kB: 1024, MB: 1024 ** 2, GB: 1024 ** 3, TB: 1024 ** 4 };

/** `replica-lag=5s`, `slot-lag=512MB`, `archiver=100`, `xmin-age=off`. */
function readThrottle(items: readonly string[], context: z.RefinementCtx): Throttling['limits'] {
  const limits: Partial<Record<SignalName, number | 'off'>> = {};
  for (const item of items) {
    const [name = '', text = ''] = item.split('=');
    const signal = SIGNAL_NAMES.find((each) => each === name);
    const limit = signal === undefined ? undefined : readLimit(SIGNALS[signal].unit, text);
    if (signal === undefined)
      context.addIssue(`'${name}' is not one of ${SIGNAL_NAMES.join(', ')}${didYouMean(name, SIGNAL_NAMES)}`);
    else if (limit === undefined)
      context.addIssue(
        `'${item}' must be ${signal}=LIMIT, ${EXAMPLES[SIGNALS[signal].unit]}, or ${signal}=off`,
      );
    else limits[signal] = limit;
  }
  return limits;
}

const EXAMPLES = { ms: 'such as 5s', bytes: 'such as 512MB', count: 'a whole number' } as const;

function readLimit(unit: 'ms' | 'bytes' | 'count', text: string): number | 'off' | undefined {
  if (text === 'off') return 'off';
  const [, amount, suffix = ''] = /^(\d+)([a-zA-Z]*)$/.exec(text) ?? [];
  if (amount === undefined) return undefined;
  if (unit === 'ms') return DURATION_PATTERN.test(text) ? parseDurationMs(text) : undefined;
  if (unit === 'count') return suffix === '' ? Number(amount) : undefined;
  return suffix in UNITS ? Number(amount) * (UNITS[suffix] ?? 1) : undefined;
}

function readRequired(items: readonly string[], context: z.RefinementCtx): Throttling['required'] {
  const names = [...SIGNAL_NAMES, 'query'] as const;
  for (const item of items)
    if (!names.some((name) => name === item))
      context.addIssue(`'${item}' is not one of ${names.join(', ')}${didYouMean(item, names)}`);
  return names.filter((name) => items.includes(name));
}

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
