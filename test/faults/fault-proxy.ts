import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { framesOf, type Frame, type Opening } from './frames.ts';

/** What is done to a link at a message. */
export type Fault =
  /** Both sides are told that the other has ended (FIN), or are cut off (RST); the message is lost. */
  | 'cut'
  | 'reset'
  /** As a network that drops everything: nothing goes on in either direction, and no socket is closed. */
  | 'black-hole'
  /** Half of the message, then as `cut`. */
  | 'truncate'
  /** The message with its type and length, and nonsense in between. */
  | 'garbage'
  /** Another protocol's words in place of the message. */
  | 'nonsense'
  /** The next kilobytes in pieces of a few bytes each. */
  | 'drip'
  /** Later than anybody expects. */
  | 'delay';

/** Where a fault strikes: at the first message, on any of the run's sessions, of which this says so. */
export type Place = (frame: Frame, session: number) => boolean;

export type FaultProxy = {
  readonly port: number;
  /** Whether the fault has struck. */
  readonly struck: boolean;
  /** Connections that were refused; that asked for a session, so far and at most at one time; and that asked to cancel. */
  readonly counts: {
    readonly refused: number;
    readonly sessions: number;
    readonly mostAtOnce: number;
    readonly cancels: number;
  };
  /** Every message that went through, in order. */
  readonly passed: readonly Passed[];
  /** Strikes every link now, wherever it is. */
  strike(fault: 'cut' | 'reset' | 'black-hole'): void;
  /** Ends all that goes through it. */
  close(): void;
};

/** A message that went through; `text` as latin1, so that it can be searched. */
export type Passed = Pick<Frame, 'from' | 'type'> & { readonly session: number; readonly text: string };

export type ProxyOptions = {
  readonly to: { readonly host: string; readonly port: number };
  readonly fault?: Fault;
  readonly at?: Place;
  /** The port to listen on; a free one unless given. */
  readonly port?: number;
  /** So many connections are closed at once, before any goes through. */
  readonly refuse?: number;
};

/** The type of the entry in `passed` that stands where the fault struck. */
export const STRUCK = 'struck';

type Link = {
  readonly client: Socket;
  readonly server: Socket;
  readonly opening: Opening;
  session: number;
  /** Bytes that are still to drip. */
  drip: number;
  state: 'fair' | 'silent' | 'ended';
};

const DELAY_MS = 400;
const DRIP_BYTES = 2_000;
const DROP_BYTES = 50;
const NEVER = new Promise<never>(() => {});

/** After it nothing goes on in either direction. */
function breakLink(fault: 'cut' | 'reset' | 'black-hole', link: Link): void {
  const { client, server } = link;
  link.state = fault === 'black-hole' ? 'silent' : 'ended';
  if (fault === 'reset') [client, server].forEach((socket) => socket.resetAndDestroy());
  if (fault === 'cut') [client, server].forEach((socket) => socket.end());
}

/** A way to a server on which one thing goes wrong, at a message of the tester's choosing. */
export async function startFaultProxy(options: ProxyOptions): Promise<FaultProxy> {
  const links = new Set<Link>();
  const passed: Passed[] = [];
  const counts = { refused: 0, sessions: 0, mostAtOnce: 0, cancels: 0 };
  let struck = false;

  const listener = createServer({ allowHalfOpen: true }, (client) => {
    client.setNoDelay(true).on('error', () => {});
    if (counts.refused < (options.refuse ?? 0)) {
      counts.refused += 1;
      return void client.destroy();
    }
    const server = connect({ ...options.to, allowHalfOpen: true }).setNoDelay(true);
    server.on('error', () => {});
    const link: Link = {
      client,
      server,
      opening: { started: false, askedForTls: false },
      session: 0,
      drip: 0,
      state: 'fair',
    };
    links.add(link);
    const pumps = [pump(link, 'client'), pump(link, 'server')];
    void Promise.allSettled(pumps).then(() => links.delete(link));
  }).listen(options.port ?? 0, '127.0.0.1');
  await once(listener, 'listening');

  async function pump(link: Link, from: Frame['from']): Promise<void> {
    const [source, sink] = from === 'client' ? [link.client, link.server] : [link.server, link.client];
    try {
      for await (const frame of framesOf(source, from, link.opening)) await deliver(frame, link, sink);
    } catch {
      sink.resetAndDestroy();
    }
    if (link.state !== 'silent') sink.end();
  }

  async function deliver(frame: Frame, link: Link, sink: Socket): Promise<void> {
    count(frame, link);
    const strikes = !struck && options.fault !== undefined && options.at?.(frame, link.session) === true;
    if (strikes) {
      struck = true;
      passed.push({ from: frame.from, type: STRUCK, session: link.session, text: '' });
      await strike(options.fault, frame, link, sink);
    } else await forward(frame, link, sink);
  }

  async function forward(frame: Frame, link: Link, sink: Socket): Promise<void> {
    if (link.state === 'silent' || link.state === 'ended') return NEVER;
    passed.push({
      from: frame.from,
      type: frame.type,
      session: link.session,
      text: frame.bytes.toString('latin1'),
    });
    let start = 0;
    for (; start < frame.bytes.length && link.drip > 0; start += DROP_BYTES) {
      link.drip -= DROP_BYTES;
      sink.write(frame.bytes.subarray(start, start + DROP_BYTES));
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (start < frame.bytes.length) sink.write(frame.bytes.subarray(start));
  }

  async function strike(fault: Fault, frame: Frame, link: Link, sink: Socket): Promise<void> {
    const { bytes } = frame;
    switch (fault) {
      case 'cut':
      case 'reset':
      case 'black-hole':
        return breakLink(fault, link);
      case 'truncate':
        sink.write(bytes.subarray(0, Math.ceil(bytes.length / 2)));
        return breakLink('cut', link);
      case 'garbage':
        return void sink.write(Buffer.concat([bytes.subarray(0, 5), Buffer.alloc(Math.max(0, bytes.length - 5), 0xff)])); // prettier-ignore
      case 'nonsense':
        return void sink.write('HTTP/1.1 400 Bad Request\r\n\r\n');
      case 'drip':
        link.drip = DRIP_BYTES;
        return forward(frame, link, sink);
      case 'delay':
        await sleep(DELAY_MS);
        return forward(frame, link, sink);
    }
  }

  function count({ type }: Frame, link: Link): void {
    if (type === 'cancel') counts.cancels += 1;
    if (type !== 'startup') return;
    link.session = counts.sessions += 1;
    const open = [...links].filter(
      (each) => each.session > 0 && each.state !== 'silent' && !each.client.destroyed,
    );
    counts.mostAtOnce = Math.max(counts.mostAtOnce, open.length);
  }

  return {
    strike(fault) {
      for (const link of links) breakLink(fault, link);
    },
    port: (listener.address() as AddressInfo).port,
    get struck() {
      return struck;
    },
    counts,
    passed,
    close() {
      listener.close();
      for (const { client, server } of links) {
        client.destroy();
        server.destroy();
      }
    },
  };
}
