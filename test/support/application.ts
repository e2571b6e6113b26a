import { Client } from 'pg';
import { TENANT_OWNED } from '../../src/demo/demo-data.ts';

/** The seed's application before its rollout: no workspace_id anywhere. */
export const APPLICATION = `
  create table workspaces (id bigint primary key);
  insert into workspaces select generate_series(1, 20);
  create table tenants (id bigint primary key, name text);
  insert into tenants select i, 'tenant ' || i from generate_series(1, 60) i;
  ${TENANT_OWNED.map(
    (table) => `
  create table ${table} (id bigserial primary key, tenant_id bigint not null references tenants, label text);
  insert into ${table} (tenant_id) select 1 + i % 60 from generate_series(1, 300) i;`,
  ).join('')}
  create table audit_logs (id bigserial primary key, tenant_id bigint, action text);
  insert into audit_logs (tenant_id) select case when i % 4 > 0 then 1 + i % 60 end from generate_series(1, 300) i;
  analyze;
`;

/** Which version of the application is deployed: from phase 1.5 on it derives the workspace from the tenant. */
type Version = 'before' | 'derives';

export type Writers = {
  /** How many transactions have been committed so far. */
  readonly committed: () => number;
  /** Lets each writer end its transaction, and gives every error that one of them has seen. */
  stop(): Promise<string[]>;
};

/** Writes on some connections, without a pause, until it is stopped. */
export async function startWriters(url: string, version: Version): Promise<Writers> {
  let committed = 0;
  const stopped = new AbortController();
  const errors: string[] = [];
  const work = async (client: Client, place: number): Promise<void> => {
    for (let i = place; !stopped.signal.aborted; i += 1) {
      try {
        await client.query(transaction(version, i));
        committed += 1;
      } catch (error) {
        errors.push(String(error));
        await client.query('rollback').catch(() => {});
        if (errors.length > 20) return;
      }
    }
  };
  const clients = await Promise.all(
    Array.from({ length: 3 }, async () => {
      const client = new Client({ connectionString: url });
      await client.connect();
      return client;
    }),
  );
  const done = clients.map((client, place) => work(client, place * 7));
  return {
    committed: () => committed,
    stop: async () => {
      stopped.abort();
      await Promise.all(done);
      await Promise.all(clients.map((client) => client.end()));
      return errors;
    },
  };
}

/** A tenant's row, then rows of it: locks are taken in the order in which an application edits. */
function transaction(version: Version, i: number): string {
  const table = TENANT_OWNED[i % TENANT_OWNED.length] ?? 'policies';
  const tenant = 1 + ((i * 13) % 60);
  const derives = version === 'derives';
  const [column, value] = derives ? [', workspace_id', ', workspace_id'] : ['', ''];
  const filled = derives
    ? `, workspace_id = (select t.workspace_id from tenants t where t.id = tenant_id)`
    : '';
  return `begin;
    update tenants set name = 'tenant ${i}' where id = ${tenant};
    insert into ${table} (tenant_id${column}) select id${value} from tenants where id = ${tenant};
    update ${table} set label = 'edit ${i}'${filled} where id = ${1 + (i % 300)};
    insert into audit_logs (tenant_id${column}) select id${value} from tenants where id = ${tenant};
    commit;`;
}
