import { randomBytes } from 'node:crypto';
import { after } from 'node:test';
import { Client } from 'pg';
import { startEmbeddedPostgres } from '../../src/postgres/embedded.ts';

/** A server for tests: anything goes, except what would disturb the databases of other files. */
export type TestServer = {
  /** Superuser's URL of the database `postgres`. */
  readonly url: string;
  /** Major version, such as 18. */
  readonly version: number;
};

/** A database of one test or one file; dropped after the file's tests unless dropped before. */
export type TestDatabase = {
  /** Superuser's URL. */
  readonly url: string;
  readonly name: string;
  /** Runs any number of statements as one script, on a connection of its own. */
  run(sqlText: string): Promise<void>;
  /** Runs one statement on a connection of its own; values as the pg package reads them (bigint is a string). */
  rows(sqlText: string, parameters?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  /** This database's URL for another user. */
  urlFor(user: string, password: string): string;
  /** Drops it, and disconnects whoever is connected to it. */
  drop(): Promise<void>;
};

/** A database to copy, at about 20 ms a copy; nobody can connect to it. */
export type Template = {
  readonly name: string;
  createDatabase(): Promise<TestDatabase>;
};

/** A role that can log in; dropped after the file's tests. */
export type TestRole = { readonly name: string; readonly password: string };

type CleanUp = () => Promise<unknown>;

/** In the order of their running: a role that owns something cannot be dropped before the database it owns it in. */
const cleanUps: { databases: CleanUp[]; roles: CleanUp[]; server: CleanUp[] } = {
  databases: [],
  roles: [],
  server: [],
};
let server: Promise<TestServer> | undefined;

after(async () => {
  for (const cleanUp of Object.values(cleanUps).flat()) await cleanUp();
});

/** The run's server (`ROWGATE_TEST_SERVER_URL`, set by `npm test`), or one of this file's own that ends with it. */
export function testServer(): Promise<TestServer> {
  return (server ??= findServer());
}

/** A new database, after `sqlText` has run in it. */
export async function createDatabase(sqlText = ''): Promise<TestDatabase> {
  const database = await copyDatabase('template1');
  if (sqlText !== '') await database.run(sqlText);
  return database;
}

/** A database to copy, after `sqlText` has run in it. Most files need one, and a copy for each test that writes. */
export async function createTemplate(sqlText: string): Promise<Template> {
  const { name } = await createDatabase(sqlText);
  await onServer(`alter database ${name} with allow_connections false`);
  return { name, createDatabase: () => copyDatabase(name) };
}

/** A role with the attributes and memberships given in SQL's words, such as `bypassrls in role pg_monitor`. */
export async function createRole(attributes = '', name = uniqueName('role')): Promise<TestRole> {
  const password = randomBytes(12).toString('hex');
  await onServer(`create role ${name} login password '${password}' ${attributes}`);
  cleanUps.roles.push(() => onServer(`drop role if exists ${name}`));
  return { name, password };
}

async function findServer(): Promise<TestServer> {
  const url = process.env['ROWGATE_TEST_SERVER_URL'] ?? (await startOwnServer());
  const [row] = await query(url, `select current_setting('server_version_num')::integer / 10000 as version`);
  return { url, version: Number(row?.['version']) };
}

async function startOwnServer(): Promise<string> {
  const { url, stop } = await startEmbeddedPostgres();
  cleanUps.server.push(stop);
  return url;
}

async function copyDatabase(template: string): Promise<TestDatabase> {
  const name = uniqueName('db');
  const { url, version } = await testServer();
  // Copying a small database's files is faster than copying it through the log, the default since 15.
  await onServer(`create database ${name} template ${template} ${version >= 15 ? 'strategy file_copy' : ''}`);
  const drop = async () => void (await onServer(`drop database if exists ${name} with (force)`));
  cleanUps.databases.push(drop);
  return testDatabase(urlWith(url, { pathname: name }), name, drop);
}

function testDatabase(url: string, name: string, drop: () => Promise<void>): TestDatabase {
  return {
    url,
    name,
    drop,
    run: async (sqlText) => void (await query(url, sqlText)),
    rows: (sqlText, parameters) => query(url, sqlText, parameters),
    urlFor: (username, password) => urlWith(url, { username, password }),
  };
}

function urlWith(url: string, parts: { pathname?: string; username?: string; password?: string }): string {
  return Object.assign(new URL(url), parts).href;
}

async function onServer(sqlText: string) {
  return query((await testServer()).url, sqlText);
}

/** Parallel files share a server, and names of databases and roles are the server's. */
function uniqueName(what: string): string {
  return `rowgate_${what}_${process.pid}_${randomBytes(4).toString('hex')}`;
}

/** With parameters by the extended protocol, without them by the simple one, which takes many statements. */
async function query(url: string, sqlText: string, parameters?: readonly unknown[]) {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const result = await client.query<Record<string, unknown>>(sqlText, parameters && [...parameters]);
    return result.rows;
  } finally {
    await client.end();
  }
}
