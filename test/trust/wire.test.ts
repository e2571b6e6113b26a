import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { DRIVERS } from '../../src/postgres/database.ts';
import { KIND_NAMES } from '../../src/rules/rule-schema.ts';
import { startFaultProxy } from '../faults/fault-proxy.ts';
import { runGate } from '../support/run-gate.ts';
import { createDatabase } from '../support/server.ts';

const kinds = new URL('../kinds/', import.meta.url);

/** SQL that only an author could have written, of each kind that takes any. */
const AUTHORS: Readonly<Record<string, string>> = {
  query: "where role = 'owner'",
  implies: "status = 'paid'",
  schema: 'total >= 0',
};

for (const driver of DRIVERS) {
  test(`no message of any kind of rule is a simple query, which could hold several statements (${driver})`, async () => {
    for (const kind of KIND_NAMES) {
      const { url } = await createDatabase(readFileSync(new URL(`${kind}/bad.sql`, kinds), 'utf8'));
      const { hostname, port } = new URL(url);
      const proxy = await startFaultProxy({ to: { host: hostname, port: Number(port) } });
      const throughProxy = Object.assign(new URL(url), { port: String(proxy.port) }).href;
      const rules = `test/kinds/${kind}/rule.yml`;
      const { exitCode } = await runGate({ url: throughProxy, rules, driver, maxConnections: 1 });
      proxy.close();
      const sent = proxy.passed.filter(({ from }) => from === 'client');
      assert.equal(exitCode, 1, kind);
      assert.deepEqual(sent.filter(({ type }) => type === 'Q').map(({ text }) => text), [], kind); // prettier-ignore
      const parsed = sent.filter(
        ({ type, text }) => type === 'P' && text.includes(AUTHORS[kind] ?? 'count('),
      );
      assert.ok(
        parsed.length > 0,
        `the rule's own words went to the server, too, where they could be seen: ${kind}`,
      );
    }
  });
}
