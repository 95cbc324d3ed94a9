/** A kernel thread: joins the memory of the kernels that started it and takes part in their jobs until they end. */
import type { Endpoint } from 'comlink';
import { CONTROL, reportFailure } from './control.ts';
import { instantiate } from './instance.ts';

/** What a thread is told, once. */
export interface Assignment {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** Number of this participant, 1 or more. */
  readonly part: number;
}

/** What a thread answers: null when it is about to join, else why it cannot. */
export type Answer = string | null;

/** Waits for an assignment, answers, and works. The thread is blocked from then on: nothing but `quit` in the common memory, or its owner, ends it. */
export function serveThread(endpoint: Endpoint): void {
  const answer = (message: Answer): void => endpoint.postMessage(message);
  endpoint.addEventListener('message', (event) => {
    const { module, memory, part } = (event as MessageEvent<Assignment>).data;
    let exports;
    try {
      exports = instantiate(module, memory);
    } catch (error) {
      answer(String(error));
      return;
    }
    answer(null);
    try {
      exports.participate!(CONTROL, part);
    } catch (error) {
      reportFailure(memory, `thread ${part}: ${String(error)}`);
    }
  });
  endpoint.start?.();
}
