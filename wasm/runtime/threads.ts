/** Kernels with their helper threads. */
import { CONTROL, reportFailure } from './control.ts';
import { createMemory, instantiateKernels } from './instance.ts';
import type { Kernels } from './kernels.ts';
import type { WorkerHandle } from './platform.ts';
import type { Answer, Assignment } from './thread.ts';

export interface RunningKernels {
  readonly kernels: Kernels;
  /** Ends the threads. The kernels must not be used after that. */
  end(): Promise<void>;
}

/**
 * Instantiates the kernels on a fresh memory and starts `threads` - 1 helpers, each in a worker of its own. With more than one thread it must be called in a
 * worker (or in Node), where waiting is allowed. Rejects if a thread cannot join, for instance where the memory cannot be sent to it since the page is not isolated from other origins.
 */
export async function startKernels(
  module: WebAssembly.Module,
  startThread: () => WorkerHandle,
  options: { threads?: number | undefined; maximumPages?: number | undefined } = {},
): Promise<RunningKernels> {
  const { threads = 1, maximumPages } = options;
  const memory = createMemory(maximumPages);
  const kernels = instantiateKernels(module, { memory, threads, maximumPages });
  const handles: WorkerHandle[] = [];
  const end = async (): Promise<void> => {
    kernels.exports.quit!(CONTROL);
    await Promise.all(handles.map((handle) => handle.end()));
  };
  try {
    const joined = [];
    for (let part = 1; part < threads; part++) {
      const handle = startThread();
      handles.push(handle);
      joined.push(join(handle, { module, memory, part }));
    }
    await Promise.all(joined);
  } catch (error) {
    await end();
    throw error;
  }
  return { kernels, end };
}

/** Resolves when the thread has joined; from then on its failure is a failure of the job that runs. */
function join(handle: WorkerHandle, assignment: Assignment): Promise<void> {
  const { part, memory } = assignment;
  return new Promise((resolve, reject) => {
    const fail = (reason: string, cause?: unknown): void => reject(new Error(`kernel thread ${part} cannot join: ${reason}`, { cause }));
    handle.onFailure((error) => {
      reportFailure(memory, `thread ${part}: ${error.message}`);
      fail(error.message, error);
    });
    handle.endpoint.addEventListener('message', (event) => {
      const answer = (event as MessageEvent<Answer>).data;
      if (answer === null) resolve();
      else fail(answer);
    });
    handle.endpoint.start?.();
    try {
      handle.endpoint.postMessage(assignment);
    } catch (error) {
      fail('its memory cannot be shared', error);
    }
  });
}
