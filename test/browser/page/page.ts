/** What browser tests call in the page. */
import type { KernelReport } from './kernels-worker.ts';

const actions = {
  isolated: () => crossOriginIsolated,

  /** Runs jobs on kernels with so many threads, in a worker. */
  async kernels(threads: number, jobs: number, items: number): Promise<KernelReport> {
    const worker = new Worker(new URL('./kernels-worker.ts', import.meta.url), { type: 'module' });
    try {
      return await new Promise((resolve, reject) => {
        worker.onerror = (event) => reject(new Error(event.message));
        worker.onmessage = ({ data }: MessageEvent<{ report?: KernelReport; error?: string }>) => {
          if (data.report) resolve(data.report);
          else reject(new Error(data.error));
        };
        worker.postMessage([threads, jobs, items]);
      });
    } finally {
      worker.terminate();
    }
  },
};

export type PageActions = typeof actions;

Object.assign(globalThis, { actions });
document.documentElement.dataset.ready = '';
