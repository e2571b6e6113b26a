/**
 * A trigger of the test's own that writes down each change of a table's workspace: the oracle for what a backfill did, as
 * its own ledger cannot be. It fires for each row, once the row is as it stays.
 */
export function auditTrigger(table: string): string {
  return `
    create table if not exists audit (at bigserial primary key, who text, tab text, id text, before bigint, after bigint);
    create or replace function write_audit() returns trigger language plpgsql as $$
    begin
      insert into audit (who, tab, id, before, after)
      values (current_setting('application_name'), tg_table_name, old.id::text, old.workspace_id, new.workspace_id);
      return null;
    end $$;
    create trigger audited after update on ${table} for each row execute function write_audit();`;
}
