/** SQL's other spellings of the types that `format_type` writes out in full. */
const TYPE_SPELLINGS: Record<string, string> = {
  int: 'integer',
  int4: 'integer',
  int8: 'bigint',
  int2: 'smallint',
  bool: 'boolean',
  float4: 'real',
  float8: 'double precision',
  decimal: 'numeric',
  varchar: 'character varying',
  char: 'character',
  bpchar: 'character',
  timestamptz: 'timestamp with time zone',
  timestamp: 'timestamp without time zone',
  timetz: 'time with time zone',
  time: 'time without time zone',
  varbit: 'bit varying',
};

/** A type as `format_type` spells it, in lower case: `int8` and `bigint` are the same. */
export function spellType(text: string): string {
  const spelled = text.trim().toLowerCase();
  const array = /(\[\])*$/.exec(spelled)?.[0] ?? '';
  const modifier = /\([^)]*\)/.exec(spelled)?.[0] ?? '';
  const base = spelled
    .slice(0, spelled.length - array.length)
    .replace(modifier, ' ')
    .trim()
    .replaceAll(/\s+/g, ' ');
  return (TYPE_SPELLINGS[base] ?? base) + modifier.replaceAll(' ', '') + array;
}
