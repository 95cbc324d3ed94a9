import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JOBS } from '../../wasm/runtime/jobs.ts';
import { deriveKeyAt, placeKey } from '../../wasm/transcript/hashing.ts';
import { loadKernels } from '../support/kernels.ts';
import { seededGenerator } from '../support/random.ts';

const NONE = 0xffffffff;

describe.each([1, 2])('grinding on %d threads', (threads) => {
  let kernels: Awaited<ReturnType<typeof loadKernels>>;
  let memory: { message: number; key: number; results: number; scratch: number; out: number };
  beforeAll(async () => {
    kernels = await loadKernels(threads);
    const { arena } = kernels;
    memory = {
      message: arena.allocate(64),
      key: placeKey(kernels, 'grind'),
      results: arena.allocate(4 * threads),
      scratch: arena.allocate(2048 * threads),
      out: arena.allocate(64),
    };
  });
  afterAll(() => kernels.end());

  function placeState(seed: number): void {
    const random = seededGenerator(seed);
    for (let k = 0; k < 32; k++) kernels.bytes[memory.message + k] = 256 * random();
  }

  /** The kernel's nonce, where `before` has been found already. */
  function ground(start: number, bits: number, groups: number, before = NONE): number {
    const { message, key, results, scratch } = memory;
    kernels.words.fill(before, results / 4, results / 4 + threads);
    kernels.parallel(JOBS.grind, [message, key, start, bits, results, scratch], groups, 8);
    return Math.min(...kernels.words.subarray(results / 4, results / 4 + threads));
  }

  /** The first word of the hash of the state and a nonce, by the kernel for any message. */
  function firstWord(nonce: number): number {
    const { message, key, out } = memory;
    kernels.words[message / 4 + 8] = nonce;
    kernels.words[message / 4 + 9] = 0;
    deriveKeyAt(kernels, key, message, 40, out, 32);
    return kernels.words[out / 4]!;
  }

  function smallest(start: number, bits: number, nonces: number): number {
    for (let nonce = start; nonce < start + nonces; nonce++) if ((firstWord(nonce) & (2 ** bits - 1)) === 0) return nonce;
    return NONE;
  }

  it('finds the smallest nonce that passes, or none, for random states', () => {
    let missed = 0;
    for (let seed = 1; seed <= 200; seed++) {
      placeState(seed);
      const bits = seed % 9;
      const start = 4 * Math.floor(2 ** 20 * seededGenerator(1000 + seed)());
      const expected = smallest(start, bits, 256);
      expect(ground(start, bits, 64), `seed ${seed}`).toBe(expected);
      missed += expected === NONE ? 1 : 0;
    }
    // both ends were seen
    expect(missed).toBeGreaterThan(0);
    expect(missed).toBeLessThan(100);
  });

  it('hashes every nonce of a range as the kernel for any message does', () => {
    placeState(7);
    // one item finds its first nonce only, so every nonce is the first one of an item once
    for (let start = 2 ** 32 - 4096; start < 2 ** 32 - 4000; start++) {
      for (const bits of [1, 3]) expect(ground(start, bits, 1)).toBe(smallest(start, bits, 4));
    }
  });

  it('keeps what is smaller', () => {
    placeState(9);
    const expected = smallest(4096, 4, 1024);
    expect(ground(4096, 4, 256, 100)).toBe(100);
    expect(ground(4096, 4, 256, expected)).toBe(expected);
    expect(ground(4096, 4, 256, expected + 1)).toBe(expected);
  });
});
