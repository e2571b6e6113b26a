import type { Rollout } from '../rollout/phase.ts';
import { markdownCode, markdownText } from '../support/markdown-text.ts';
import {
  findingText,
  ROLLOUT_HEADINGS,
  rollbackTexts,
  rolloutHeadline,
  rolloutRows,
  rolloutSetting,
  stepsText,
} from './rollout-rows.ts';

/** A rollout as a section of a step summary. */
export function renderRolloutMarkdown(rollout: Rollout): string {
  const icon = { 'on track': '✅', behind: '❌', ahead: '⏩', unknown: '⚠️' }[rollout.verdict];
  const sections = [
    `## ${icon} Rollout: ${rolloutHeadline(rollout)}`,
    markdownText(rolloutSetting(rollout)),
    rollout.problems.map(({ message }) => `- ${markdownText(message)}`).join('\n'),
    rollout.tables.length > 0 ? grid(rollout) : '',
    rollout.findings
      .map((finding) => {
        const { place, text } = findingText(finding);
        return `- **${finding.direction}** ${markdownText(text)} ${markdownCode(place)}`;
      })
      .join('\n'),
    rollbackTexts(rollout)
      .map(({ tables, text }) => `- ${markdownText(`${tables}: ${text}`)}`)
      .join('\n'),
    `<sub>Next, as SQL with ${markdownCode('rowgate rollout --next')}: ${stepsText(rollout.steps)}</sub>`,
  ];
  return `${sections.filter(Boolean).join('\n\n')}\n`;
}

function grid(rollout: Rollout): string {
  const marks = { none: '✅', behind: '❌', ahead: '⏩', unknown: '⚠️' };
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    row(['', ...ROLLOUT_HEADINGS]),
    `|${'---|'.repeat(ROLLOUT_HEADINGS.length + 1)}`,
    ...rolloutRows(rollout).map(({ cells, drift }) => row([marks[drift], ...cells.map(markdownText)])),
  ].join('\n');
}
