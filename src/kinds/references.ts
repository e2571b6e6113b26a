import type { Kind } from './kind.ts';
import { findParent, joinParent } from './parent.ts';

/** Breaks on rows that link to a parent which is not there. */
export const references: Kind<'references'> = {
  name: 'references',
  ask({ spec }, relation, lookup) {
    const parent = joinParent(findParent({ ...spec, path: [] }, relation, lookup), []);
    const classes = [
      { name: 'orphan', rows: parent.orphan, breaks: true },
      { name: 'no_link', rows: parent.noLink, breaks: false },
    ];
    const { join, present: sound, reference } = parent;
    return { form: 'rows', joins: [join], classes, sound, reference };
  },
};
