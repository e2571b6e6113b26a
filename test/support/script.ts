import { Client } from 'pg';

/** The statements of a script that Rowgate prints, as psql would send them: one by one. */
export function statementsOf(script: string): string[] {
  const statements: string[] = [];
  let begun: string[] = [];
  for (const line of script.split('\n')) {
    if (begun.length === 0 && (line.startsWith('--') || line === '')) continue;
    begun.push(line);
    if (!line.endsWith(';')) continue;
    statements.push(begun.join('\n'));
    begun = [];
  }
  return statements;
}

const LOCK_NOT_AVAILABLE = '55P03';

/** Runs a script on a connection of its own; a statement that ends with a lock timeout is run again, as the script says. */
export async function runScript(url: string, script: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statementsOf(script)) await runAgain(client, statement);
  } finally {
    await client.end();
  }
}

async function runAgain(client: Client, statement: string): Promise<void> {
  for (;;) {
    try {
      await client.query(statement);
      return;
    } catch (error) {
      if ((error as { code?: string }).code !== LOCK_NOT_AVAILABLE) throw error;
    }
  }
}
