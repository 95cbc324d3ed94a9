import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { OutOfMemory } from '../../wasm/runtime/arena.ts';
import { createMemory, instantiateKernels, KernelFailure, MAX_ARGUMENTS } from '../../wasm/runtime/instance.ts';
import { JOBS } from '../../wasm/runtime/jobs.ts';
import { kernelModule, loadKernels } from '../support/kernels.ts';

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await kernelModule();
});

describe('arena', () => {
  it('hands out disjoint blocks at multiples of 64, above the reserved start', () => {
    const { arena } = instantiateKernels(module);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 50 }), (sizes) => {
        const mark = arena.mark();
        let end = Math.max(mark, 65536);
        for (const size of sizes) {
          const address = arena.allocate(size);
          expect(address % 64).toBe(0);
          expect(address).toBeGreaterThanOrEqual(end);
          end = address + size;
        }
        expect(arena.peak).toBeGreaterThanOrEqual(end);
        arena.release(mark);
        expect(arena.mark()).toBe(mark);
      }),
      { seed: 7, numRuns: 50 },
    );
  });

  it('grows the memory and keeps what is in it', () => {
    const kernels = instantiateKernels(module);
    const before = kernels.bytes.length;
    const first = kernels.arena.allocate(100);
    kernels.bytes.fill(42, first, first + 100);
    const old = kernels.bytes;
    const second = kernels.arena.allocate(3 * before);
    expect(kernels.bytes.length).toBeGreaterThanOrEqual(second + 3 * before + 64);
    expect(kernels.words.byteLength).toBe(kernels.bytes.length);
    expect(kernels.signed.byteLength).toBe(kernels.bytes.length);
    expect(kernels.bytes.subarray(first, first + 100).every((v) => v === 42)).toBe(true);
    old[first] = 43;
    expect(kernels.bytes[first]).toBe(43);
  });

  it('reaches addresses above 2 GiB, from kernels too', () => {
    const kernels = instantiateKernels(module);
    kernels.arena.allocate(2 ** 31);
    const counters = kernels.arena.allocate(4 * 1000);
    const calls = kernels.arena.allocate(4);
    expect(counters).toBeGreaterThanOrEqual(2 ** 31);
    kernels.parallel(JOBS.visit, [counters, calls, -1], 1000, 1);
    expect(kernels.words.subarray(counters / 4, counters / 4 + 1000).every((v) => v === 1)).toBe(true);
  });

  it('refuses what does not fit, and says how much was wanted, used and allowed', () => {
    const kernels = instantiateKernels(module, { maximumPages: 32 });
    const first = kernels.arena.allocate(2 ** 20);
    kernels.bytes[first] = 9;
    const mark = kernels.arena.mark();
    const refusal = catching(() => kernels.arena.allocate(5 * 2 ** 20));
    expect(refusal).toBeInstanceOf(OutOfMemory);
    expect(refusal).toMatchObject({ wanted: 5 * 2 ** 20, used: mark, limit: 2 ** 21 });
    expect((refusal as Error).message).toBe('out of memory: 5.0 MiB wanted on top of 1.1 MiB in use; its limit is 2.0 MiB');
    // It goes on with what fits.
    expect(kernels.arena.mark()).toBe(mark);
    expect(kernels.arena.allocate(2 ** 19)).toBe(mark);
    expect(kernels.bytes[first]).toBe(9);
  });

  it('reports a memory that the system refuses to grow in the same way', () => {
    // A memory with a smaller maximum than the arena was told refuses like a system that has no more.
    const kernels = instantiateKernels(module, { memory: createMemory(20) });
    expect(() => kernels.arena.allocate(2 ** 30)).toThrow(OutOfMemory);
    expect(() => kernels.arena.allocate(2 ** 30)).toThrow('the system refused to grow it');
    expect(kernels.arena.allocate(2 ** 20)).toBe(65536);
  });

  it('refuses sizes that are no lengths and marks that are not its own', () => {
    const { arena } = instantiateKernels(module);
    for (const size of [-1, 0.5, NaN, Infinity, 2 ** 53]) expect(() => arena.allocate(size)).toThrow(RangeError);
    const mark = arena.mark();
    arena.allocate(64);
    for (const bad of [0, mark + 1, mark + 128, NaN]) expect(() => arena.release(bad)).toThrow(RangeError);
    arena.release(mark);
  });
});

describe('the module', () => {
  it.each(['release', 'debug'] as const)('has no mutable globals, and constants only below the reserved blocks (%s)', async (build) => {
    const custom = await loadKernels(1, build);
    // Every instance writes the constants anew into the common memory: what is above them must not be touched.
    const memory = createMemory();
    const reserved = new Uint8Array(memory.buffer, 32768);
    reserved.fill(0xaa);
    instantiateKernels(await kernelModule(build), { memory });
    expect(reserved.every((v) => v === 0xaa)).toBe(true);
    expect(Object.keys(custom.exports)).toEqual(expect.arrayContaining(['runJob', 'parallel', 'participate', 'quit']));
    expect(Object.values(custom.exports).every((v) => typeof v === 'function')).toBe(true);
  });
});

describe('parallel on one thread', () => {
  it('is one plain call with part 0, and none without items', () => {
    const kernels = instantiateKernels(module);
    const counters = kernels.arena.allocate(400);
    const calls = kernels.arena.allocate(4);
    kernels.parallel(JOBS.visit, [counters, calls, -1], 100, 7);
    kernels.parallel(JOBS.visit, [counters, calls, -1], 0, 7);
    expect(kernels.words.subarray(counters / 4, counters / 4 + 100).every((v) => v === 1)).toBe(true);
    expect(kernels.words[calls / 4]).toBe(1);
  });

  it('reports a trap, and will not run again', () => {
    const kernels = instantiateKernels(module);
    expect(() => kernels.parallel(0, [], 1, 1)).toThrow(KernelFailure);
    expect(() => kernels.parallel(JOBS.visit, [0, 0, -1], 1, 1)).toThrow('job 0 trapped: RuntimeError: unreachable');
  });

  it('refuses more arguments than there is room for, and work that is none', () => {
    const kernels = instantiateKernels(module);
    expect(() => kernels.parallel(JOBS.visit, new Array<number>(MAX_ARGUMENTS + 1).fill(0), 1, 1)).toThrow(RangeError);
    expect(() => kernels.parallel(JOBS.visit, [], -1, 1)).toThrow(RangeError);
    expect(() => kernels.parallel(JOBS.visit, [], 2 ** 31, 1)).toThrow(RangeError);
    expect(() => kernels.parallel(JOBS.visit, [], 5, 0)).toThrow(RangeError);
  });
});

function catching(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}
