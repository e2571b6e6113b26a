import { Client } from 'pg';

/** Does `step` again and again in a session of its own, until it is stopped, which waits for what is under way; `over` tells it to hurry. */
export async function repeat(
  url: string,
  step: (client: Client, over: AbortSignal) => Promise<void>,
): Promise<{ stop(): Promise<void> }> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const over = new AbortController();
  const work = async (): Promise<void> => {
    while (!over.signal.aborted) await step(client, over.signal);
  };
  const working = work();
  return {
    stop: async () => {
      over.abort();
      await working;
      await client.end();
    },
  };
}
