/** A page's `Worker` as its owner sees it. */
import type { WorkerHandle } from './platform.ts';

export function workerHandle(worker: Worker): WorkerHandle {
  return {
    endpoint: worker,
    onFailure(listener) {
      // A script that does not load gives an event without a message.
      worker.addEventListener('error', (event) => listener(new Error(event.message || 'its script did not load')), { once: true });
      worker.addEventListener('messageerror', () => listener(new Error('a message could not be received')), { once: true });
    },
    async end() {
      worker.terminate();
    },
  };
}
