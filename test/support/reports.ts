import { makeReport } from '../../src/report/make-report.ts';
import type { Report, ReportResult } from '../../src/report/report.ts';

const KINDS = ['not_null', 'matches_parent', 'references', 'schema', 'query'] as const;
const SEVERITIES = ['error', 'error', 'warning', 'notice'] as const;

/** How results are spread over rules and tables: some 20 tables to a rule, more of both the more there are. */
function spread(count: number): { readonly rules: number; readonly tables: number } {
  const tables = Math.max(1, Math.min(150, Math.ceil(Math.sqrt(count * 1.5))));
  return { rules: Math.max(1, Math.ceil(count / tables)), tables };
}

/** The results of a report with so many findings: each did not hold, one in five was not measured, one in seven waits. */
function makeFindings(count: number): ReportResult[] {
  const { tables } = spread(count);
  return Array.from({ length: count }, (_, i) => {
    const rule = Math.floor(i / tables);
    const kind = KINDS[rule % KINDS.length] ?? 'not_null';
    const isUnknown = i % 5 === 4;
    const violations = kind === 'schema' ? 1 : ((i * 7919) % 4000) + 1;
    const problem = {
      code: 'statement-timeout',
      message: 'it took longer than 60 s on the server',
      hint: 'Raise statement-timeout, or give the table an index.',
      at: null,
    };
    const name = kind === 'schema' ? 'not_null' : kind === 'matches_parent' ? 'different' : 'null';
    return {
      rule: `rule-${rule}`,
      kind,
      why: `Rule ${rule} is there for a reason.`,
      table: kind === 'query' ? null : `public.table_${i % tables}`,
      severity: SEVERITIES[rule % SEVERITIES.length] ?? 'error',
      enforced: rule % 7 !== 6,
      outcome: isUnknown ? 'unknown' : 'broken',
      violations: isUnknown ? null : { count: violations, exact: i % 11 !== 10 },
      maxViolations: 0,
      classes: isUnknown ? {} : { [name]: violations },
      breakingClasses: kind === 'query' || kind === 'schema' ? [] : [name],
      samples: isUnknown || kind === 'schema' ? [] : [{ class: name, key: { id: String(i) } }],
      strategy: isUnknown ? 'none' : 'scan',
      reason: isUnknown
        ? problem.message
        : kind === 'schema'
          ? 'the column is nullable'
          : `${violations} rows break it`,
      problem: isUnknown ? problem : null,
      remedy: rule % 3 === 0 ? 'Fill it from its parent.' : null,
      source: { file: 'rules/many.yml', line: rule * 5 + 3, endLine: rule * 5 + 7 },
      elapsedMs: (i * 31) % 900,
    } satisfies ReportResult;
  });
}

const HELD: ReportResult = {
  rule: 'rule-that-held',
  kind: 'not_null',
  why: null,
  table: 'public.held',
  severity: 'error',
  enforced: true,
  outcome: 'held',
  violations: { count: 0, exact: true },
  maxViolations: 0,
  classes: { null: 0 },
  breakingClasses: ['null'],
  samples: [],
  strategy: 'proved',
  reason: 'held_a_not_null',
  problem: null,
  remedy: null,
  source: { file: 'rules/many.yml', line: 1, endLine: 2 },
  elapsedMs: 0,
};

/** A report of so many findings, and of one check that held. */
export function makeReportOf(findings: number, more: Partial<Report> = {}): Report {
  return reportOf([...makeFindings(findings), HELD], more);
}

/** A report of these results, with the verdict and the totals that they come to. */
export function reportOf(results: readonly ReportResult[], more: Partial<Report> = {}): Report {
  const counted = (outcome: string): number => results.filter((each) => each.outcome === outcome).length;
  const decisive = results.filter(({ enforced, severity }) => enforced && severity === 'error');
  const has = (outcome: string): boolean => decisive.some((each) => each.outcome === outcome);
  const verdict = has('broken') ? 'broken' : has('unknown') || results.length === 0 ? 'incomplete' : 'clean';
  return {
    ...EMPTY,
    verdict,
    exitCode: { clean: 0, broken: 1, incomplete: 2 }[verdict],
    totals: {
      results: results.length,
      held: counted('held'),
      broken: counted('broken'),
      unknown: counted('unknown'),
      notEnforced: results.filter(({ enforced }) => !enforced).length,
      violations: results.reduce((sum, { violations }) => sum + (violations?.count ?? 0), 0),
    },
    results: [...results],
    ...more,
  };
}

const EMPTY: Report = {
  ...makeReport({
    rules: { files: ['rules/many.yml'], hash: 'a'.repeat(64), rules: [], origin: { from: 'workspace' } },
    phase: '2',
    failOn: 'error',
    startedAt: new Date('2026-01-02T03:04:05.678Z'),
    elapsedMs: 1_234,
    results: [],
    problems: [],
    warnings: [],
  }),
  target: {
    database: 'app',
    serverVersion: '18.4',
    role: 'rowgate_reader',
    inRecovery: false,
    standby: null,
    snapshotLsn: null,
    pooled: false,
  },
};
