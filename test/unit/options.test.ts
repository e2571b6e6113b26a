import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseOptions } from '../../src/options.ts';

const acknowledged = (acknowledge: string | readonly string[]) =>
  parseOptions({ acknowledge }, String).acknowledge;

test('names to acknowledge stand one a line, and may then hold commas', () => {
  assert.deepEqual(acknowledged('trigger:public.a,b.t\n\n  no-writer-guard:r, publication:p.public.t \n'), [
    'trigger:public.a,b.t',
    'no-writer-guard:r, publication:p.public.t',
  ]);
});

test('in a single line a comma separates names only where another name begins', () => {
  assert.deepEqual(acknowledged('trigger:public.a,b.t, no-writer-guard:r,long-transaction'), [
    'trigger:public.a,b.t',
    'no-writer-guard:r',
    'long-transaction',
  ]);
  assert.deepEqual(acknowledged('long-transaction, trigger:public.a.long-transaction,x'), [
    'long-transaction',
    'trigger:public.a.long-transaction,x',
  ]);
  assert.deepEqual(acknowledged(''), []);
});

test('names that are given one by one are taken as they are', () => {
  assert.deepEqual(acknowledged(['trigger:public.a,key:b.t']), ['trigger:public.a,key:b.t']);
});
