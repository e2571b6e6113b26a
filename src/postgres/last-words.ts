import type { Socket } from 'node:net';

/** Why a server ended a session, in the fields that `errors.ts` reads. */
export type LastWords = { readonly code: string; readonly message: string; readonly routine: string };

/** What a server says at the end is shorter. */
const TAIL_BYTES = 2_048;

/**
 * A message of a severity that ends a session, with nothing after it: a letter and the length, then fields of a letter,
 * a text and a zero. V is the severity in English, whatever the server's language; C the SQLSTATE. An immediate
 * shut-down, and the crash of another session, are told as warnings. PgBouncer sends no V, and S in English.
 */
const ENDING =
  /[EN][^]{4}S(?:[^\0]*\0V(?:FATAL|PANIC|WARNING(?=\0C57P))|FATAL)\0C([0-9A-Z]{5})\0M([^\0]*)\0(?:[a-zA-Z][^\0]*\0)*\0$/;

/**
 * Listens to a socket on which the server has yet to speak. What is given back tells why the server has ended the
 * session, or nothing where it said nothing. The drivers do not always tell: neither of them when no statement ran.
 */
export function hearLastWords(socket: Socket): () => LastWords | undefined {
  let tail: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    // Copied, so that no part of a large answer is kept alive.
    tail = Buffer.concat([tail, chunk.subarray(-TAIL_BYTES)]).subarray(-TAIL_BYTES);
  });
  return () => readLastWords(tail);
}

function readLastWords(tail: Buffer): LastWords | undefined {
  const [fields, code, message] = ENDING.exec(tail.toString('latin1')) ?? [];
  if (fields === undefined || code === undefined || message === undefined) return undefined;
  const routine = /\0R([^\0]*)\0/.exec(fields)?.[1] ?? '';
  return { code, message: Buffer.from(message, 'latin1').toString(), routine };
}
