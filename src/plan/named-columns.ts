import type { Column } from '../postgres/catalog.ts';
import type { RowCheck } from './plan.ts';

/** The columns of the checked relation that a rule's own conditions are about; of its parents' links, none. */
export function namedColumns({ rule, relation }: RowCheck): Column[] {
  const { spec, authorSql, since } = rule;
  const written = 'columns' in spec ? (spec.columns ?? []) : [];
  const named = [...written, ...('column' in spec && spec.column !== undefined ? [spec.column] : [])];
  const read = [...authorSql.values()].flatMap(({ columns }) => columns.map(({ name }) => String(name)));
  return [...named, ...read, ...(since ? [since.column] : [])].flatMap(
    (name) => relation.columns.get(name) ?? [],
  );
}
