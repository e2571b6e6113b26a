import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Problem } from '../support/problem.ts';
import { isParameter, refusedParameter, type Settings } from './connection-url.ts';

/**
 * What libpq's service file says under `[service]`: PGSERVICEFILE, else ~/.pg_service.conf, and where it has no such
 * section, pg_service.conf in PGSYSCONFDIR. Throws `connection-invalid`, at the line, for what Rowgate does not take;
 * no message holds a value.
 */
export function readService(service: string, env: NodeJS.ProcessEnv): Settings {
  const named = env['PGSERVICEFILE'];
  const files = [named || join(env['HOME'] || homedir(), '.pg_service.conf')];
  if (env['PGSYSCONFDIR']) files.push(join(env['PGSYSCONFDIR'], 'pg_service.conf'));
  for (const file of files) {
    const settings = parseService(service, file, readText(file, file === named));
    if (settings) return settings;
  }
  throw new Problem('connection-invalid', `No service file has a section [${service}]`, {
    hint: `Looked at: ${files.join(', ')}.`,
  });
}

function readText(file: string, isNamed: boolean): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    if (!isNamed) return '';
    throw new Problem('connection-invalid', `PGSERVICEFILE: cannot read '${file}'`, {
      hint: 'Name a file on the machine that runs Rowgate, or unset the variable.',
      cause,
    });
  }
}

/** The section's settings, each as it is first given; undefined where there is no such section. */
function parseService(service: string, file: string, text: string): Settings | undefined {
  // Blanks as C knows them: any other may be a password's.
  const lines = text.split('\n').map((line) => line.replace(/^[ \t\v\f\r]+|[ \t\v\f\r]+$/g, ''));
  const start = lines.findIndex((line) => line.startsWith(`[${service}]`));
  if (start < 0) return undefined;
  const settings: Record<string, string> = {};
  for (const [offset, line] of lines.slice(start + 1).entries()) {
    if (line.startsWith('[')) break;
    if (line === '' || line.startsWith('#')) continue;
    const [, name, value] = /^(\w+)=(.+)$/.exec(line) ?? [];
    if (name === undefined || !isParameter(name) || name === 'service')
      throw refusedLine(name).located({ file, line: start + offset + 2, column: 1 });
    settings[name] ??= value ?? '';
  }
  return settings;
}

/** Quotes no more than a parameter's name: a line that is broken may be half a password. */
function refusedLine(name: string | undefined): Problem {
  if (name !== undefined && name !== 'service') return refusedParameter('The service file', name);
  const message = name
    ? 'A service cannot name another service'
    : 'This line of the service file is no name=value';
  return new Problem('connection-invalid', message, {
    hint: name
      ? 'Write out what the other one says.'
      : 'Before the = stands a name and no blank, behind it a value.',
  });
}
