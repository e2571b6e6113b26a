// Proposals as the YAML of a rules file. What is written is data of the catalogue: every name goes through `scalar`.
import type { Column, Relation } from '../postgres/catalog.ts';
import { quoteIdentifier } from '../sql/identifier.ts';
import type { Pair, Proposal, ProposedBody, Want } from './proposal.ts';

/** Where a rule is going to stand. */
export type RulePlace = {
  readonly id: string;
  /** The schema in which its bare names are looked up. */
  readonly schema: string;
  /** Whether the rule has to say so itself, as the file's default is another. */
  readonly saysSchema: boolean;
  /** The list that has its tables; undefined where they are written in place. */
  readonly list: string | undefined;
  readonly phases: readonly string[];
};

/** Spaces before what stands below a rule's first line. */
const INDENT = '  ';

/** A rule as one item of a list, without the indent of that list and without a line end at its end. */
export function renderRule(proposal: Proposal, place: RulePlace): string {
  const { body, why, from } = proposal;
  const ownSchema = body.kind === 'coverage' ? body.schema : place.schema;
  const keys: readonly (string | undefined)[] = [
    `- id: ${place.id}`,
    `kind: ${body.kind}`,
    `why: ${why}`,
    place.saysSchema || body.kind === 'coverage' ? `schema: ${scalar(ownSchema)}` : undefined,
    ...(body.kind === 'coverage' ? [] : tablesKey(proposal.tables, place)),
    ...bodyKeys(body, proposal.tables, place),
    from !== undefined && place.phases.includes(from) ? `enforce_from: ${scalar(from)}` : undefined,
  ];
  return keys
    .filter((line) => line !== undefined)
    .map((line, index) => (index === 0 ? line : `${INDENT}${line}`))
    .join('\n');
}

/** A table as a rule names it: bare in the schema that is looked in, else with its own. */
export function tableText({ name }: Relation, schema: string): string {
  return name.schema === schema ? name.name : `${name.schema}.${name.name}`;
}

/** A text as YAML takes it for text, also inside of a flow collection. */
export function scalar(text: string): string {
  const isPlain = /^[A-Za-z_][\w./-]*(?: [\w./-]+)*$/.test(text) && !SPECIAL.test(text);
  return isPlain ? text : `'${text.replaceAll("'", "''")}'`;
}

/** What YAML, of this or of an older version, takes for something else than text. */
const SPECIAL = /^(null|true|false|yes|no|on|off|y|n)$/i;

function tablesKey(tables: readonly Relation[], { list, schema }: RulePlace): string[] {
  if (list !== undefined) return [`tables: { list: ${list} }`];
  const names = tables.map((table) => scalar(tableText(table, schema)));
  if (names.length < 4) return [`tables: [${names.join(', ')}]`];
  return ['tables:', ...names.map((name) => `${INDENT}- ${name}`)];
}

function bodyKeys(body: ProposedBody, tables: readonly Relation[], place: RulePlace): string[] {
  const parent = (relation: Relation): string => scalar(parentText(relation, tables, place.schema));
  switch (body.kind) {
    case 'not_null':
      return [`column: ${scalar(body.column)}`];
    case 'references':
      return [`parent: ${parent(body.parent)}`, `on: ${pairs(body.on)}`];
    case 'matches_parent':
      return [
        `parent: ${parent(body.parent)}`,
        `on: ${pairs(body.on)}`,
        `match: ${pairs([body.match])}`,
        'nulls: ignore # a missing value is the business of the rules that ask for it',
        'orphans: report',
      ];
    case 'implies':
      return [`when: ${scalar(anySet(body.links))}`, `then: ${scalar(isSet(body.then))}`];
    case 'exactly_one_of':
      return [`columns: ${names(body.columns)}`, 'at_least_one: true'];
    case 'agrees':
      return [
        'parents:',
        ...body.parents.map(
          (each) =>
            `${INDENT}- { parent: ${parent(each.parent)}, on: ${pairs(each.on)}, column: ${scalar(each.column)} }`,
        ),
        'nulls: ignore',
      ];
    case 'schema':
      return wantKeys(body.want, parent);
    case 'coverage':
      return [
        `roots: [${parent(body.root)}]`,
        ...(body.columns.length > 0 ? [`columns: ${names(body.columns)}`] : []),
        ...(body.globals.length > 0 ? [`globals: [${body.globals.map(parent).join(', ')}]`] : []),
        ...EXEMPTIONS,
      ];
  }
}

const EXEMPTIONS = [
  '# A table that needs no rule for now is named here, with who says so and until when:',
  '# exempt:',
  '#   - table: NAME',
  '#     reason: why its rows need no rule',
  '#     owner: who can be asked',
  "#     expires: '2027-01-31'",
];

function wantKeys(want: Want, parent: (relation: Relation) => string): string[] {
  if ('not_null' in want) return [`column: ${scalar(want.not_null)}`, 'not_null: true'];
  if ('unique' in want) return [`unique: ${names(want.unique)}`];
  if ('check' in want) {
    const unset = want.check.links.map((link) => `${columnText(link)} is null`).join(' and ');
    const none = want.check.links.length > 1 ? `(${unset})` : unset;
    return [`check: ${scalar(`${none} or ${isSet(want.check.then)}`)}`];
  }
  const { parent: to, on } = want.foreign_key;
  return [`foreign_key: { parent: ${parent(to)}, on: ${pairs(on)} }`];
}

/** A parent is looked for in the schema of each checked table first, so that a bare name is for one schema alone. */
function parentText(parent: Relation, tables: readonly Relation[], schema: string): string {
  const isAlone = [parent, ...tables].every(({ name }) => name.schema === schema);
  return isAlone ? parent.name.name : `${parent.name.schema}.${parent.name.name}`;
}

const pairs = (list: readonly Pair[]): string =>
  `{ ${list.map(({ child, parent }) => `${scalar(child)}: ${scalar(parent)}`).join(', ')} }`;

const names = (list: readonly string[]): string => `[${list.map(scalar).join(', ')}]`;

const isSet = (column: Column): string => `${columnText(column)} is not null`;

const anySet = (columns: readonly Column[]): string => columns.map(isSet).join(' or ');

/** A name that no version of the grammar can take for a keyword stands as it is; every keyword with an underscore begins so. */
function columnText({ name }: Column): string {
  const isBare =
    /^[a-z][a-z0-9]*(_[a-z0-9]+)+$/.test(name) && !/^(current|session|system|merge|xml|json)_/.test(name);
  return isBare ? name : quoteIdentifier(name);
}
