/** What the runtime needs from a page or from Node: workers, and the kernel module. */
import type { Endpoint } from 'comlink';

/** A worker as its owner sees it. */
export interface WorkerHandle {
  readonly endpoint: Endpoint;
  /** Called once if the worker fails: it does not load, an error is caught by nobody, or it ends though nobody ended it. */
  onFailure(listener: (error: Error) => void): void;
  /** Stops it wherever it is, with the workers it started; its memory is given back. */
  end(): Promise<void>;
}

/** Where kernels run: what starts helper threads. */
export interface KernelPlatform {
  loadKernels(): Promise<WebAssembly.Module>;
  /** A worker that runs `serveThread` of thread.ts. */
  startThread(): WorkerHandle;
}

/** Where the owner of a prover runs. */
export interface ProverPlatform {
  /** A worker that runs `serveProver` of prover-worker.ts. */
  startProver(): WorkerHandle;
  /** Threads that can work at the same time, at least 1; 1 where memory cannot be shared with workers. */
  readonly parallelism: number;
}
