import { sizeText } from '../support/size.ts';
import { PAGE_BYTES, type Size } from './estimate.ts';
import type { Stage } from './phase.ts';

/** Whether a stage can be left again, and at what price: dropping a column is easy only while it holds nothing. */
export function rollbackOf(stage: Stage, filled: boolean | undefined, size: Size | undefined): string {
  if (stage === 'absent') return 'Nothing has begun, and nothing is to be taken back.';
  if (stage === 'validated' || stage === 'composite' || stage === 'write-enforced')
    return 'Prefer a forward fix. Its constraints can be dropped at once; a dropped column would lose its values.';
  if (stage === 'backfilling' || stage === 'clean' || filled)
    return 'Prefer a forward fix: a dropped column would lose the values that are there.';
  const large = size ? `about ${sizeText(size.rows, size.pages * PAGE_BYTES)}` : 'of unknown size';
  const loss = filled === false ? 'it holds no value yet' : 'whether it holds values was not asked';
  return `Can be taken back: drop its indexes and the column (${loss}). On a large table that is a large operation; this one is ${large}.`;
}
