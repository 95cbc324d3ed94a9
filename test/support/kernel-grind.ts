/** Grinding by the kernels, for plain provers that would spend most of their time on it. */
import { JOBS } from '../../wasm/runtime/jobs.ts';
import type { Kernels } from '../../wasm/runtime/kernels.ts';
import { placeKey } from '../../wasm/transcript/hashing.ts';
import type { Grind } from './plain-prover/writer.ts';

/** Groups of four nonces tried between two looks at the result. */
const WINDOW = 16384;

/** The same nonces as `plainGrind`, below 2^32. */
export function kernelGrind(kernels: Kernels): Grind {
  return (state, zeroBits) => {
    const { arena } = kernels;
    const mark = arena.mark();
    const message = arena.allocate(40);
    const key = placeKey(kernels, 'grind');
    const results = arena.allocate(4 * kernels.threads);
    const scratch = arena.allocate(2048 * kernels.threads);
    kernels.bytes.set(state, message);
    const found = (): Uint32Array => kernels.words.subarray(results / 4, results / 4 + kernels.threads);
    found().fill(0xffffffff);
    for (let start = 0; found().every((nonce) => nonce === 0xffffffff); start += 4 * WINDOW) {
      kernels.parallel(JOBS.grind, [message, key, start, zeroBits, results, scratch], WINDOW, 256);
    }
    const nonce = Math.min(...found());
    arena.release(mark);
    return nonce;
  };
}
