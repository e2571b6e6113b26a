import schema from '@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json' with { type: 'json' };
import type { Ajv } from 'ajv';
import draft04 from 'ajv-draft-04';
import formats from 'ajv-formats';
import assert from 'node:assert/strict';

// The schema is of draft 4, and its patterns are older than the flag that ajv gives them.
const ajv = new draft04.default({ strict: false, allErrors: true, unicodeRegExp: false });
formats.default(ajv as unknown as Ajv);
const validate = ajv.compile(schema);

/** Fails unless a SARIF log is what the official schema of version 2.1.0 asks for. */
export function assertSarif(log: unknown): void {
  const isValid = validate(log);
  assert.ok(isValid, JSON.stringify(validate.errors?.slice(0, 5), null, 1));
}
