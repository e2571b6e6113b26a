import type { Socket } from 'node:net';

/** One message of the protocol on its way, whole. */
export type Frame = {
  readonly from: 'client' | 'server';
  /** Counts the messages of its side on its link, from 1. */
  readonly index: number;
  /** The type's letter; for messages that have none: `startup`, `cancel`, `tls`, or `answer` (to `tls`). */
  readonly type: string;
  readonly bytes: Buffer;
};

/** What both directions of a link have to know of each other, as the first messages have no type. */
export type Opening = { started: boolean; askedForTls: boolean };

const CODES: Readonly<Record<number, string>> = { 80_877_102: 'cancel', 80_877_103: 'tls' };

/** The messages that a side sends, as they come; ends when the side says that it has sent all. */
export async function* framesOf(
  socket: Socket,
  from: Frame['from'],
  opening: Opening,
): AsyncGenerator<Frame> {
  let buffer = Buffer.alloc(0);
  let index = 0;
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    buffer = Buffer.concat([buffer, chunk]);
    for (let head = headOf(buffer, from, opening); head; head = headOf(buffer, from, opening)) {
      const bytes = buffer.subarray(0, head.length);
      buffer = buffer.subarray(head.length);
      if (head.type === 'startup') opening.started = true;
      opening.askedForTls = head.type === 'tls';
      yield { from, index: (index += 1), type: head.type, bytes };
    }
  }
}

/** Type and length of the first message of the buffer; undefined unless all of it is there. */
function headOf(buffer: Buffer, from: Frame['from'], opening: Opening) {
  const head = readHead(buffer, from, opening);
  return head && head.length <= buffer.length ? head : undefined;
}

function readHead(buffer: Buffer, from: Frame['from'], { started, askedForTls }: Opening) {
  if (from === 'server' && askedForTls) return { type: 'answer', length: 1 };
  if (from === 'server' || started)
    return buffer.length < 5
      ? undefined
      : { type: buffer.toString('latin1', 0, 1), length: 1 + buffer.readInt32BE(1) };
  if (buffer.length < 8) return undefined;
  return { type: CODES[buffer.readInt32BE(4)] ?? 'startup', length: buffer.readInt32BE(0) };
}
