// What names say of tenants. A name is only ever a hint: it ranks what the catalogue offers, and a person can say otherwise.

/** Words that mean a tenant, whatever the application. */
const TENANTS = new Set(['tenant', 'workspace', 'organization', 'organisation', 'org']);

/** Words that often mean a tenant, and often something that a tenant has. */
const PERHAPS_TENANTS = new Set(
  (
    'account company customer client merchant team shop store site school clinic agency business firm practice ' +
    'realm space partner vendor instance installation community club enterprise group project'
  ).split(' '),
);

/** Words of tables that much refers to and that are no tenants. */
const NEVER_TENANTS = new Set(
  (
    'user person people member employee staff contact country currency language locale region city status state type ' +
    'category kind file attachment address image medium media role permission tag plan setting log event unit version'
  ).split(' '),
);

/** Tables whose rows tell what happened, also where it happened to no tenant. */
const LOGS = new Set('audit log event activity history trail journal'.split(' '));

/** What a name may begin with and that says nothing. */
const PREFIXES = new Set(['tbl', 'tb', 't', 'app', 'core', 'sys', 'my']);

/** Short forms of words in names of columns. */
const SHORT: Readonly<Record<string, readonly string[]>> = {
  organization: ['org'],
  organisation: ['org'],
  account: ['acct', 'acc'],
  workspace: ['ws'],
  company: ['co'],
  customer: ['cust'],
};

/** How sure a table's name makes that it holds the tenants: 1 is the surest, 4 says nothing; undefined rules it out. */
export function tenantRank(name: string): 1 | 2 | 3 | 4 | undefined {
  const words = baseWords(withoutNumbers(name));
  const [only, ...more] = words;
  if (only !== undefined && more.length === 0 && TENANTS.has(only)) return 1;
  if (only !== undefined && more.length === 0 && PERHAPS_TENANTS.has(only)) return 2;
  const last = words.at(-1) ?? '';
  if (TENANTS.has(last) || PERHAPS_TENANTS.has(last)) return 3;
  return NEVER_TENANTS.has(last) ? undefined : 4;
}

/** Whether a table's name says that it holds what happened. */
export function isLogName(name: string): boolean {
  return wordsOf(withoutNumbers(name)).some((word) => LOGS.has(singular(word)));
}

/** Whether a column's name says that it holds a row of the table: `tenant_id`, `TenantID`, `id_tenant`, `tenant`, `org_id`. */
export function isNamedFor(column: string, table: string): boolean {
  const stem = baseWords(table);
  const stems = [stem.join('_'), ...(stem.length === 1 ? (SHORT[stem[0] ?? ''] ?? []) : [])];
  const words = wordsOf(column);
  const withoutMark = words.filter(
    (word, index) => !(MARKS.has(word) && (index === 0 || index === words.length - 1)),
  );
  return withoutMark.length > 0 && stems.includes(withoutMark.map(singular).join('_'));
}

/** What a column that holds a key is marked with, in front or behind. */
const MARKS = new Set(['id', 'uuid', 'guid', 'uid', 'key', 'no', 'pk', 'fk', 'ref', 'code']);

/** `events_2024` and `Event1` are events. */
const withoutNumbers = (name: string): string => name.replaceAll(/\d+/g, ' ');

/** A table's name in single words, each in the singular, without a prefix that says nothing. */
function baseWords(name: string): string[] {
  const words = wordsOf(name).map(singular);
  return words.length > 1 && PREFIXES.has(words[0] ?? '') ? words.slice(1) : words;
}

/** `TenantID`, `tenant_id` and `tenant-id` are all `tenant`, `id`. */
function wordsOf(name: string): string[] {
  return name
    .replaceAll(/([\p{Ll}\d])(\p{Lu})/gu, '$1 $2')
    .replaceAll(/(\p{Lu}+)(\p{Lu}\p{Ll})/gu, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}\d]+/u)
    .filter(Boolean);
}

function singular(word: string): string {
  if (word.endsWith('ies') && word.length > 4) return `${word.slice(0, -3)}y`;
  if (/(ss|sh|ch|x|z)es$/.test(word)) return word.slice(0, -2);
  if (word === 'businesses' || word === 'statuses') return word.slice(0, -2);
  return word.length > 3 && word.endsWith('s') && !/(ss|us|is)$/.test(word) ? word.slice(0, -1) : word;
}
