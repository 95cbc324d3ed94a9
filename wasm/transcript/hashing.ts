/** The derive-key hashes of the protocol, by the kernels. Source: ../README.md, section 2. */
import type { Kernels } from '../runtime/kernels.ts';

export type HashContext = 'leaf' | 'node' | 'transcript' | 'squeeze' | 'grind' | 'circuit' | 'weights';

const NAMES: readonly HashContext[] = ['leaf', 'node', 'transcript', 'squeeze', 'grind', 'circuit', 'weights'];
const SCRATCH = 704;

/** Keys of all contexts as values, per kernel instance: they depend on nothing else. */
const known = new WeakMap<Kernels, Map<HashContext, Uint8Array>>();

function computeKeys(kernels: Kernels): Map<HashContext, Uint8Array> {
  const mark = kernels.arena.mark();
  const text = kernels.arena.allocate(64);
  const out = kernels.arena.allocate(64);
  const scratch = kernels.arena.allocate(SCRATCH);
  const keys = new Map<HashContext, Uint8Array>();
  for (const name of NAMES) {
    const bytes = Uint8Array.from(`veritab 1 ${name}`, (c) => c.charCodeAt(0));
    kernels.bytes.set(bytes, text);
    kernels.exports.contextKey!(text, bytes.length, out, scratch);
    keys.set(name, kernels.bytes.slice(out, out + 32));
  }
  kernels.arena.release(mark);
  return keys;
}

/** Puts the key of a context into the arena; returns its address. */
export function placeKey(kernels: Kernels, context: HashContext): number {
  let keys = known.get(kernels);
  if (!keys) known.set(kernels, (keys = computeKeys(kernels)));
  const address = kernels.arena.allocate(32);
  kernels.bytes.set(keys.get(context)!, address);
  return address;
}

/** H_context of `length` bytes at an address, to `out` (room for whole blocks of 64 where outLength > 32). */
export function deriveKeyAt(kernels: Kernels, key: number, input: number, length: number, out: number, outLength: number): void {
  const mark = kernels.arena.mark();
  const scratch = kernels.arena.allocate(SCRATCH + 32 * Math.ceil(length / 1024));
  kernels.exports.deriveKey!(key, input, length, out, outLength, scratch);
  kernels.arena.release(mark);
}

/** H_context(data), 32 bytes. */
export function deriveKey(kernels: Kernels, context: HashContext, data: Uint8Array): Uint8Array {
  const mark = kernels.arena.mark();
  const key = placeKey(kernels, context);
  const input = kernels.arena.allocate(data.length);
  const out = kernels.arena.allocate(64);
  kernels.bytes.set(data, input);
  deriveKeyAt(kernels, key, input, data.length, out, 32);
  const digest = kernels.bytes.slice(out, out + 32);
  kernels.arena.release(mark);
  return digest;
}
