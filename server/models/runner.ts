/** The workers that prepare and run models, as their owner sees them: replaced when they fail. */
import { Worker } from 'node:worker_threads';
import { wrap, type Remote } from 'comlink';
import { revive, type Outcome } from '../../wasm/runtime/outcome.ts';
import { workerHandle } from '../../wasm/runtime/node.ts';
import type { WorkerHandle } from '../../wasm/runtime/platform.ts';
import type { RunnableModel, RunResult } from './inference.ts';
import type { ModelService } from './model-worker.ts';
import type { ModelFiles, PreparedModel } from './prepared.ts';

/** A worker cannot be started from a TypeScript file: from sources the entry is a script that registers a loader first. */
const ENTRY = new URL(import.meta.url.endsWith('.ts') ? './model-worker.mjs' : './model-worker.js', import.meta.url);

/** Calls reject with what they threw (`CircuitRefusal`, `InferenceFailure`; a `FileRefusal` as an `Error` of that name with its fields), or with `Error` where the worker failed. */
export interface ModelRunner {
  /** The files of the built-in model; see `digitsFiles`. */
  digits(folder: string): Promise<ModelFiles>;
  /** See `prepareModel`. */
  prepare(circuitFile: Uint8Array, weightsFile: Uint8Array, slices: readonly number[] | null): Promise<PreparedModel>;
  /** Runs the model of this name on inputs of its shapes. */
  run(name: string, model: RunnableModel, inputs: readonly Uint8Array[]): Promise<RunResult>;
  close(): Promise<void>;
}

type Call = <T>(action: (service: Remote<ModelService>) => Promise<Outcome<T>>) => Promise<T>;

interface Live {
  readonly handle: WorkerHandle;
  readonly service: Remote<ModelService>;
  /** Rejects when the worker ends. */
  readonly over: Promise<never>;
  readonly end: (reason: Error) => Promise<void>;
}

function startWorker(onEnd: () => void): Live {
  const handle = workerHandle(new Worker(ENTRY, { name: 'models', execArgv: [] }));
  let reject: (reason: Error) => void;
  const over = new Promise<never>((_, rejected) => {
    reject = rejected;
  });
  // Whoever waits for a call hears of it; without one there is nobody to tell.
  over.catch(() => undefined);
  const end = (reason: Error): Promise<void> => {
    onEnd();
    reject(reason);
    return handle.end();
  };
  handle.onFailure((error) => void end(new Error(`the models' worker failed: ${error.message}`, { cause: error })));
  return { handle, service: wrap<ModelService>(handle.endpoint), over, end };
}

/** A worker that starts when it is called. `keep`: it stays when nothing is left to do. */
function callableWorker(keep: boolean): { readonly call: Call; close(): Promise<void> } {
  let live: Live | null = null;
  let calls = 0;
  let closed = false;
  return {
    async call(action) {
      if (closed) throw new Error('the models were closed');
      live ??= startWorker(() => (live = null));
      const { service, over, end } = live;
      calls++;
      try {
        const outcome = await Promise.race([action(service), over]);
        if (outcome.ok) return outcome.value;
        throw revive(outcome.error);
      } finally {
        if (--calls === 0 && !keep) await end(new Error('the worker rests'));
      }
    },
    async close() {
      closed = true;
      await live?.end(new Error('the models were closed'));
    },
  };
}

export function createModelRunner(): ModelRunner {
  // A model that is prepared shall hold up nobody who wants one run, nor keep its memory afterwards.
  const preparing = callableWorker(false);
  const running = callableWorker(true);
  return {
    digits: (folder) => preparing.call((service) => service.digits(folder)),
    prepare: (circuitFile, weightsFile, slices) => preparing.call((service) => service.prepare(circuitFile, weightsFile, slices)),
    async run(name, model, inputs) {
      for (;;) {
        const result = await running.call((service) => service.run(name, inputs));
        if (result !== null) return result;
        await running.call((service) => service.open(name, model));
      }
    },
    async close() {
      await Promise.all([preparing.close(), running.close()]);
    },
  };
}
