import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { READER } from '../src/demo/demo-data.ts';
import { startEmbeddedPostgres } from '../src/postgres/embedded.ts';

/** A database to measure in. */
export type BenchDatabase = {
  /** A superuser's session; what is compared with the gate runs in it. */
  readonly owner: Client;
  /** The URL of the role that the README recommends for the gate. */
  readonly readerUrl: string;
  /** Lets the gate's role read what is there, and leaves no work to do for the first who reads: statistics, visibility, dirty pages. */
  settle(): Promise<void>;
  drop(): Promise<void>;
};

/** A server of this run alone. */
export type BenchServer = {
  createDatabase(name: string): Promise<BenchDatabase>;
  stop(): Promise<void>;
};

/** The server's defaults, but for these. */
const SETTINGS = {
  // It would start in the middle of something; every database is vacuumed before anything is measured.
  autovacuum: 'off',
};

/** Starts it; `extensions` is a folder with an `extension/` in which the server looks for more of them. */
export async function startBenchServer(extensions: string | undefined): Promise<BenchServer> {
  const more = extensions === undefined ? {} : { extension_control_path: `$system:${extensions}` };
  const server = await startEmbeddedPostgres({ settings: { ...SETTINGS, ...more } });
  const password = randomBytes(12).toString('hex');
  const connect = async (database: string): Promise<Client> => {
    const client = new Client({ connectionString: urlWith(server.url, { pathname: database }) });
    client.on('error', () => {}); // the server stops before it when something has failed, and that is thrown already
    await client.connect();
    return client;
  };
  const admin = await connect('postgres');
  await admin.query(`create role ${READER} login password '${password}'`);
  await admin.query(`alter role ${READER} set default_transaction_read_only = on`);
  const createDatabase = async (name: string): Promise<BenchDatabase> => {
    await admin.query(`create database ${name}`);
    const owner = await connect(name);
    const settle = async (): Promise<void> => {
      await owner.query(`grant select on all tables in schema public to ${READER}`);
      await owner.query('vacuum (analyze)');
      await owner.query('checkpoint');
    };
    const drop = async (): Promise<void> => {
      await owner.end();
      await admin.query(`drop database ${name} with (force)`);
    };
    const readerUrl = urlWith(server.url, { pathname: name, username: READER, password });
    return { owner, readerUrl, settle, drop };
  };
  const stop = async (): Promise<void> => {
    await admin.end();
    await server.stop();
  };
  return { createDatabase, stop };
}

function urlWith(url: string, parts: { pathname: string; username?: string; password?: string }): string {
  return Object.assign(new URL(url), parts).href;
}
