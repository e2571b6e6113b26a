import type { Runner } from '../github/runner.ts';
import { Problem } from '../support/problem.ts';

/** An input that is one of these, the first where it is not set; another one is an `options-invalid` Problem. */
export function choose<Value extends string>(
  runner: Runner,
  name: string,
  values: readonly [Value, ...Value[]],
): Value {
  const text = runner.input(name) ?? values[0];
  const found = values.find((value) => value === text);
  if (found === undefined)
    throw new Problem('options-invalid', `${name}: '${text}' is not one of ${values.join(', ')}`);
  return found;
}
