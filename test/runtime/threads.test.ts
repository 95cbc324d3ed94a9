import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KernelFailure } from '../../wasm/runtime/instance.ts';
import { JOBS } from '../../wasm/runtime/jobs.ts';
import { workerHandle } from '../../wasm/runtime/node.ts';
import type { WorkerHandle } from '../../wasm/runtime/platform.ts';
import { startKernels } from '../../wasm/runtime/threads.ts';
import { kernelModule, loadKernels } from '../support/kernels.ts';

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

  it('come through 10,000 jobs without a deadlock, with pauses about as long as a helper stays awake', () => {
    const items = 64;
    const counters = kernels.arena.allocate(4 * items);
    const calls = kernels.arena.allocate(4 * threads);
    kernels.words.fill(0, counters / 4, kernels.arena.mark() / 4);
    let random = 12345;
    for (let k = 0; k < 10_000; k++) {
      kernels.parallel(JOBS.visit, [counters, calls, -1], items, 8);
      random = (Math.imul(random, 1103515245) + 12345) >>> 0;
      // Every fourth pause is 0 to 130 microseconds long: helpers are found working, looking for work, falling asleep, asleep.
      const end = performance.now() + (random >>> 30 === 0 ? ((random >>> 20) & 127) / 1000 : 0);
      while (performance.now() < end);
    }
    expect(kernels.words.slice(counters / 4, counters / 4 + items).every((v) => v === 10_000)).toBe(true);
  });

  it('share a job that is long enough', () => {
    const items = 2 ** 18;
    const counters = kernels.arena.allocate(4 * items);
    const calls = kernels.arena.allocate(4 * threads);
    const share = (part: number): number => kernels.words[calls / 4 + part]!;
    kernels.words.fill(0, counters / 4, kernels.arena.mark() / 4);
    // As often as it takes until everybody has had something to do; on a busy machine that may be a while.
    const deadline = performance.now() + 30_000;
    const parts = Array.from({ length: threads }, (_, part) => part);
    while (parts.some((part) => share(part) === 0) && performance.now() < deadline) {
      kernels.parallel(JOBS.visit, [counters, calls, -1], items, 1024);
    }
    expect(parts.filter((part) => share(part) === 0)).toEqual([]);
  });

  it('use no processor time while there is nothing to do', async () => {
    await new Promise((resolve) => setTimeout(resolve, 50));
    const before = process.cpuUsage();
    await new Promise((resolve) => setTimeout(resolve, 500));
    const { user, system } = process.cpuUsage(before);
    // One helper that went on looking for work would use all of it.
    expect((user + system) / 1000).toBeLessThan(100);
  });

  it('reach memory that was there after they joined', () => {
    const items = 300_000;
    const size = kernels.bytes.length;
    const counters = kernels.arena.allocate(size + 4 * items) + size;
    const calls = kernels.arena.allocate(4 * threads);
    kernels.words.fill(0, counters / 4, counters / 4 + items);
    kernels.parallel(JOBS.visit, [counters, calls, -1], items, 100);
    expect(kernels.words.subarray(counters / 4, counters / 4 + items).every((v) => v === 1)).toBe(true);
  });
});

describe('a thread that fails', () => {
  it('fails the job instead of leaving it unfinished, and names itself', async () => {
    const kernels = await loadKernels(3);
    const counters = kernels.arena.allocate(4 * 4096);
    const calls = kernels.arena.allocate(4 * 3);
    const untilItTraps = (): void => {
      for (;;) kernels.parallel(JOBS.visit, [counters, calls, 2], 4096, 16);
    };
    expect(untilItTraps).toThrow(/^job 1 trapped: thread 2: RuntimeError: unreachable/);
    expect(untilItTraps).toThrow(KernelFailure);
    await kernels.end();
  });

  it('is reported when the driver sleeps, waiting for it', async () => {
    const kernels = await loadKernels(2);
    const counters = kernels.arena.allocate(4 * 2 ** 20);
    const calls = kernels.arena.allocate(4 * 2);
    const deadline = performance.now() + 30_000;
    // Two chunks: the helper, once it has one, is at work for longer than the driver looks on.
    const run = (faulty: number): void => kernels.parallel(JOBS.visit, [counters, calls, faulty], 2 ** 20, 2 ** 19);
    kernels.words.fill(0, calls / 4, calls / 4 + 2);
    while (kernels.words[calls / 4 + 1] === 0 && performance.now() < deadline) run(-1);
    expect(() => {
      while (performance.now() < deadline) run(1);
    }).toThrow(KernelFailure);
    await kernels.end();
  });

  it('to start is an error of the start', async () => {
    const module = await kernelModule();
    const absent = (): WorkerHandle => workerHandle(new Worker('process.exit(4)', { eval: true }));
    await expect(startKernels(module, absent, { threads: 2 })).rejects.toThrow('kernel thread 1 cannot join: it ended with exit code 4');
  });

  it('to get the memory is an error of the start', async () => {
    // A page that is not isolated from other origins refuses to send shared memory in this way.
    const module = await kernelModule();
    const handle: WorkerHandle = {
      endpoint: {
        postMessage: () => {
          throw new DOMException('SharedArrayBuffer transfer requires self.crossOriginIsolated.', 'DataCloneError');
        },
        addEventListener: () => undefined,
        removeEventListener: () => undefined,
      },
      onFailure: () => undefined,
      end: () => Promise.resolve(),
    };
    await expect(startKernels(module, () => handle, { threads: 2 })).rejects.toThrow(
      'kernel thread 1 cannot join: its memory cannot be shared',
    );
  });
});
