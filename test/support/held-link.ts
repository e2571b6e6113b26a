import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A way to a port of 127.0.0.1 that can be narrowed. */
export type HeldLink = {
  readonly port: number;
  /** Lets so many more bytes of what the far side says through, and then nothing; no socket is closed. */
  holdAfter(bytes: number): void;
  /** Lets through all that was held, and all that comes. */
  release(): void;
  close(): void;
};

/** Listens on a free port, and lets everything through until told otherwise. */
export async function openLink(to: number): Promise<HeldLink> {
  const sockets = new Set<Socket>();
  const held: (() => void)[] = [];
  let budget = Number.POSITIVE_INFINITY;
  const pass = (chunk: Buffer, near: Socket): void => {
    const now = chunk.subarray(0, Math.min(budget, chunk.length));
    const later = chunk.subarray(now.length);
    budget -= now.length;
    near.write(now);
    if (later.length > 0) held.push(() => near.write(later));
  };
  const server = createServer((near) => {
    const far = connect({ port: to, host: '127.0.0.1' });
    near.on('data', (chunk) => far.write(chunk));
    far.on('data', (chunk) => pass(chunk, near));
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on('error', () => {}).on('close', () => other.destroy());
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    holdAfter: (bytes) => (budget = bytes),
    release: () => {
      budget = Number.POSITIVE_INFINITY;
      for (const write of held.splice(0)) write();
    },
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
