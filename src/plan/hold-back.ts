import type { Rule } from '../rules/rule.ts';
import type { Problem } from '../support/problem.ts';
import { impossible, type Plan } from './plan.ts';

/** The plan with every check of some rules made one that cannot be asked, for the reason given with its rule. */
export function holdBack({ checks }: Plan, rules: ReadonlyMap<Rule, Problem>): Plan {
  return {
    checks: checks.map((check) => {
      const problem = rules.get(check.rule);
      return problem && check.form !== 'impossible' ? impossible(check, problem) : check;
    }),
  };
}
