import assert from 'node:assert/strict';
import test from 'node:test';
import {
  backfillStep,
  GUARD,
  hasLedger,
  missing,
  orderTables,
  reportOf,
  repository,
  shown,
  writing,
} from '../support/backfill-step.ts';
import { createTemplate } from '../support/server.ts';

const template = await createTemplate(orderTables(60));

test('without execute it says what it would do, by which names it wants an acknowledgement, and writes nothing', async () => {
  const database = await template.createDatabase();
  const run = await backfillStep(database);
  assert.equal(run.exitCode, 0, run.log);
  assert.equal(run.outputs['backfill-state'], 'dry-run');
  assert.equal(run.outputs['backfill-rows'], '0');
  assert.equal(run.outputs['backfill-remaining'], '59');
  assert.equal(run.outputs['run-id'], '');
  assert.match(
    shown(run.summary),
    /✅ Rowgate backfill: Dry run: 59 rows can be filled; nothing was written/,
  );
  assert.match(run.summary ?? '', new RegExp(GUARD));
  assert.deepEqual(run.annotations.map(({ level }) => level), ['warning']); // prettier-ignore
  assert.deepEqual(reportOf(run).census.map(({ samples }) => samples), [[]], 'the Action shows no keys'); // prettier-ignore
  assert.equal(await missing(database), 59);
  assert.equal(await hasLedger(database), false);
});

test('execute fills the rows, checks the rules again and tells who asked, and from where', async () => {
  const database = await template.createDatabase();
  const run = await backfillStep(database, { inputs: writing(database) });
  assert.equal(run.exitCode, 0, run.log);
  const { 'backfill-state': state, 'backfill-rows': rows, 'backfill-remaining': left } = run.outputs;
  assert.deepEqual([state, rows, left, run.outputs['run-id']], ['completed', '59', '0', '1']);
  assert.match(shown(run.summary), /✅ Rowgate backfill: Run 1 is complete: 59 rows filled/);
  assert.match(shown(run.summary), /1 of 1 held/);
  assert.deepEqual(run.annotations.map(({ level }) => level), ['notice']); // prettier-ignore
  const { run: recorded, recheck } = reportOf(run);
  assert.equal(recorded?.requestedBy, 'octocat');
  assert.equal(recorded?.runUrl, 'https://github.com/acme/shop/actions/runs/4711');
  assert.deepEqual(recheck.map(({ outcome }) => outcome), ['held']); // prettier-ignore
  assert.equal(await missing(database), 0);
});

test('rows that cannot be filled fail the step, by class and with what to do', async () => {
  const database = await template.createDatabase();
  await database.run(
    'update orders set customer_id = 999 where id in (5, 6); update orders set customer_id = null where id = 7',
  );
  const run = await backfillStep(database, { inputs: writing(database) });
  assert.equal(run.exitCode, 1, run.log);
  assert.equal(run.outputs['backfill-state'], 'completed_with_residue');
  assert.equal(run.outputs['backfill-remaining'], '3');
  assert.match(run.summary ?? '', /\| `orphan` \| 2 \| the parent they name is not there/);
  assert.match(run.summary ?? '', /\| `no_link` \| 1 \| they name no parent/);
  assert.deepEqual(reportOf(run).run?.lanes.map(({ samples }) => samples), [[]], 'the Action shows no keys'); // prettier-ignore
  const page = run.read(run.outputs['html-path'] ?? '') ?? '';
  assert.match(page, /the parent they name is not there/);
  assert.doesNotMatch(page, /class="keys"/, 'the Action shows no keys');
  assert.deepEqual(run.annotations.map(({ level }) => level), ['error']); // prettier-ignore
});

test('what nobody has acknowledged is named, nothing is begun, and the names in acknowledge let it begin', async () => {
  const database = await template.createDatabase();
  await database.run(`
    create function note() returns trigger language plpgsql as 'begin return new; end';
    create trigger audit after update on orders for each row execute function note()`);
  const run = await backfillStep(database, { inputs: writing(database, { acknowledge: '' }) });
  assert.equal(run.exitCode, 3, run.log);
  for (const name of [GUARD, 'trigger:public.orders.audit']) {
    assert.match(run.annotations[0]?.message ?? '', new RegExp(name));
    assert.match(run.summary ?? '', new RegExp(`- \`${name}\``));
  }
  assert.doesNotMatch(run.log, /--acknowledge/, 'a step has inputs, not flags');
  assert.equal(run.outputs['backfill-state'], '');
  assert.equal(await hasLedger(database), false);
  const acknowledge = `${GUARD}\ntrigger:public.orders.audit`;
  const again = await backfillStep(database, { inputs: writing(database, { acknowledge }) });
  assert.equal(again.outputs['backfill-state'], 'completed', again.log);
});

test('execute without expect-database is refused before the database is dialled, and with another name after', async () => {
  const database = await template.createDatabase();
  const none = await backfillStep(database, {
    inputs: {
      ...writing(database),
      'expect-database': '',
      'database-url': 'postgres://u:secret-word@127.0.0.1:1/db',
    },
  });
  assert.equal(none.exitCode, 3, none.log);
  assert.match(none.annotations[0]?.message ?? '', /expect-database is missing/);
  const other = await backfillStep(database, {
    inputs: writing(database, { 'expect-database': 'production' }),
  });
  assert.equal(other.exitCode, 3, other.log);
  assert.match(other.annotations[0]?.message ?? '', /'production' was expected/);
  assert.equal(await hasLedger(database), false);
});

test('a pull request of the repository itself is refused, and dials nobody', async () => {
  const database = await template.createDatabase();
  const repo = { full_name: 'acme/shop' };
  const pull = { number: 7, head: { sha: 'd'.repeat(40), repo }, base: { sha: 'b'.repeat(40), repo } };
  // Nobody answers there: a run that dials it could not tell, which is not exit code 3.
  const run = await backfillStep(database, {
    inputs: { 'database-url': 'postgres://u:secret-word@127.0.0.1:1/db' },
    event: { name: 'pull_request', payload: { repository, pull_request: pull } },
    env: { GITHUB_REF: 'refs/pull/7/merge' },
  });
  assert.equal(run.exitCode, 3, run.log);
  assert.match(run.annotations[0]?.message ?? '', /does not run on the event pull_request/);
  assert.match(shown(run.summary), /Nothing was begun/);
});

test('on a branch that is not protected a dry run is made, and writing is refused', async () => {
  const database = await template.createDatabase();
  const env = { GITHUB_REF: 'refs/heads/topic' };
  const dry = await backfillStep(database, { env });
  assert.equal(dry.exitCode, 0, dry.log);
  const run = await backfillStep(database, { env, inputs: writing(database) });
  assert.equal(run.exitCode, 3, run.log);
  assert.match(run.annotations[0]?.message ?? '', /only from the default branch/);
  assert.deepEqual([await missing(database), await hasLedger(database)], [59, false]);
});
