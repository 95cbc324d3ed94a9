/** Runs jobs of the kernels on the threads of a page, and reports. */
import { JOBS } from '../../../wasm/runtime/jobs.ts';
import { loadKernels } from '../../../wasm/runtime/browser-kernels.ts';
import { workerHandle } from '../../../wasm/runtime/browser-worker.ts';
import { startKernels } from '../../../wasm/runtime/threads.ts';

export interface KernelReport {
  /** Items that were handled as often as there were jobs. */
  readonly handled: number;
  /** Calls of the job by part. */
  readonly calls: readonly number[];
  readonly microsecondsPerJob: number;
}

const startThread = () => workerHandle(new Worker(new URL('../../../wasm/runtime/browser-thread.ts', import.meta.url), { type: 'module' }));

async function work(threads: number, jobs: number, items: number): Promise<KernelReport> {
  const { kernels, end } = await startKernels(await loadKernels(), startThread, { threads });
  const counters = kernels.arena.allocate(4 * items);
  const calls = kernels.arena.allocate(4 * threads);
  const start = performance.now();
  for (let k = 0; k < jobs; k++) kernels.parallel(JOBS.visit, [counters, calls, -1], items, Math.ceil(items / 8));
  const microsecondsPerJob = ((performance.now() - start) / jobs) * 1000;
  const handled = kernels.words.subarray(counters / 4, counters / 4 + items).filter((v) => v === jobs).length;
  const report = { handled, calls: [...kernels.words.slice(calls / 4, calls / 4 + threads)], microsecondsPerJob };
  await end();
  return report;
}

self.onmessage = ({ data }: MessageEvent<readonly [threads: number, jobs: number, items: number]>) => {
  work(...data).then(
    (report) => self.postMessage({ report }),
    (error: unknown) => self.postMessage({ error: String(error) }),
  );
};
