/** The context of a proof, as it is written on a command line: text, or bytes as `hex:00ff`. */
import { MAX_CONTEXT_BYTES } from '../../circuits/graph/proof-file.ts';
import { Failure } from './failure.ts';
import { hex } from './table.ts';

/** Throws `Failure` (usage) for hexadecimal digits that are none, and for more than 2^16 bytes. */
export function parseContext(text: string): Uint8Array {
  const context = text.startsWith('hex:') ? bytesOf(text.slice(4)) : new TextEncoder().encode(text);
  if (context.length > MAX_CONTEXT_BYTES) {
    throw new Failure('usage', 'usage', 'the context is too long', {
      expected: `at most ${MAX_CONTEXT_BYTES} bytes`,
      got: `${context.length} bytes`,
    });
  }
  return context;
}

function bytesOf(digits: string): Uint8Array {
  if (digits.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(digits)) {
    throw new Failure('usage', 'usage', 'the context is not hexadecimal', { expected: 'hex: and an even number of digits', got: digits });
  }
  return Uint8Array.from({ length: digits.length / 2 }, (_, n) => Number.parseInt(digits.slice(2 * n, 2 * n + 2), 16));
}

/** A context for people: quoted where it is printable text, else in hexadecimal digits. */
export function contextText(context: Uint8Array): string {
  if (context.length === 0) return '(empty)';
  // A byte order mark is part of the context: it must show.
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(context);
  return /^[\p{L}\p{N}\p{P}\p{S} ]*$/u.test(text) && !text.includes('\ufffd') ? `"${text}"` : `hex:${hex(context)}`;
}
