// From a connection string or the PG* environment to a target: one parser for both drivers, which read neither.
import { userInfo } from 'node:os';
import { didYouMean } from '../support/nearest.ts';
import { Problem } from '../support/problem.ts';
import type { ConnectionTarget, TlsPolicy } from './database.ts';
import { passwordFromFile } from './password-file.ts';
import { readTlsPolicy, SSL_MODES } from './tls.ts';

type Environment = NodeJS.ProcessEnv;

/** What a connection string can say, by libpq's names of its parameters, with libpq's environment variable for each. */
const PARAMETERS = {
  host: 'PGHOST',
  port: 'PGPORT',
  dbname: 'PGDATABASE',
  user: 'PGUSER',
  password: 'PGPASSWORD',
  sslmode: 'PGSSLMODE',
  sslrootcert: 'PGSSLROOTCERT',
  sslcert: 'PGSSLCERT',
  sslkey: 'PGSSLKEY',
  channel_binding: 'PGCHANNELBINDING',
  connect_timeout: 'PGCONNECT_TIMEOUT',
  application_name: 'PGAPPNAME',
} as const;

type Parameter = keyof typeof PARAMETERS;
type Settings = Partial<Record<Parameter, string>>;
