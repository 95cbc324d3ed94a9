/** The runtime in Node: worker_threads, and the kernel module from its file. */
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import type { KernelPlatform, ProverPlatform, WorkerHandle } from './platform.ts';

export type NodeWorkerName = 'thread' | 'prover';

/** A worker cannot be started from a TypeScript file: from sources the entry is a script that registers a loader first. */
const ENTRY = new URL(import.meta.url.endsWith('.ts') ? './node-worker.mjs' : './node-worker.js', import.meta.url);

/** A worker thread as its owner sees it. */
export function workerHandle(worker: Worker): WorkerHandle {
  let ended = false;
  return {
    endpoint: nodeEndpoint(worker),
    onFailure(listener) {
      let failed = false;
      const report = (error: Error): void => {
        if (failed || ended) return;
        failed = true;
        listener(error);
      };
      worker.on('error', report);
      worker.on('messageerror', report);
      worker.on('exit', (code) => report(new Error(`it ended with exit code ${code}`)));
    },
    async end() {
      ended = true;
      await worker.terminate();
    },
  };
}

function startWorker(name: NodeWorkerName): Worker {
  // The loaders of this process are not its workers' business.
  return new Worker(ENTRY, { name, workerData: name, execArgv: [] });
}

/** The kernel module of this installation, compiled. Rejects if it has not been built. */
export async function loadKernels(): Promise<WebAssembly.Module> {
  return WebAssembly.compile(await readFile(new URL('../kernels/build/kernels.wasm', import.meta.url)));
}

export const nodePlatform: KernelPlatform & ProverPlatform = {
  loadKernels,
  startThread() {
    const worker = startWorker('thread');
    // It does not keep its owner alive once it has joined, which is the only thing it ever says.
    worker.once('message', () => worker.unref());
    return workerHandle(worker);
  },
  startProver: () => workerHandle(startWorker('prover')),
  parallelism: availableParallelism(),
};
