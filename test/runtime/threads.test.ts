import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JOBS } from '../../wasm/runtime/jobs.ts';
import { loadKernels } from '../support/kernels.ts';

type Loaded = Awaited<ReturnType<typeof loadKernels>>;

describe.each([2, 3, 5])('%i threads', (threads) => {
  let kernels: Loaded;
  beforeAll(async () => {
    kernels = await loadKernels(threads);
  });
  afterAll(() => kernels.end());

  it('handle each item exactly once, whatever the count and the grain', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 5000 }), fc.integer({ min: 1, max: 700 }), (count, grain) => {
        const mark = kernels.arena.mark();
        const counters = kernels.arena.allocate(4 * (count + 1));
        const calls = kernels.arena.allocate(4 * threads);
        kernels.words.fill(0, counters / 4, kernels.arena.mark() / 4);
        kernels.parallel(JOBS.visit, [counters, calls, -1], count, grain);
        const visits = kernels.words.slice(counters / 4, counters / 4 + count);
        expect(visits.every((v) => v === 1)).toBe(true);
        expect(kernels.words[counters / 4 + count]).toBe(0);
        const sum = kernels.words.slice(calls / 4, calls / 4 + threads).reduce((a, b) => a + b, 0);
        expect(sum).toBe(count <= grain ? Math.min(count, 1) : Math.ceil(count / grain));
        kernels.arena.release(mark);
      }),
      { seed: 11, numRuns: 300 },
    );
  });

  it('come through 10,000 jobs in a row without a deadlock, and share them', () => {
    const counters = kernels.arena.allocate(4 * 64);
    const calls = kernels.arena.allocate(4 * threads);
    kernels.words.fill(0, counters / 4, kernels.arena.mark() / 4);
    const start = performance.now();
    for (let k = 0; k < 10_000; k++) kernels.parallel(JOBS.visit, [counters, calls, -1], 64, 8);
    console.log(
      `${threads} threads: ${(((performance.now() - start) / 10_000) * 1000).toFixed(2)} us a job`,
      kernels.words.slice(calls / 4, calls / 4 + threads).join(),
    );
    expect(kernels.words.slice(counters / 4, counters / 4 + 64).every((v) => v === 10_000)).toBe(true);
  });
});
