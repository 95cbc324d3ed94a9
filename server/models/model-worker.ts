/** Entry of the worker that prepares and runs models: what would hold the coordinator's own thread up. */
import { parentPort } from 'node:worker_threads';
import { expose } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import { outcomeOf, type Outcome } from '../../wasm/runtime/outcome.ts';
import { digitsFiles } from './digits.ts';
import { openIntegerModel, type OpenedModel, type RunnableModel, type RunResult } from './inference.ts';
import { prepareModel, type ModelFiles, type PreparedModel } from './prepared.ts';

/** What the worker's owner may call. */
export interface ModelService {
  digits(folder: string): Promise<Outcome<ModelFiles>>;
  prepare(circuitFile: Uint8Array, weightsFile: Uint8Array, slices: readonly number[] | null): Promise<Outcome<PreparedModel>>;
  /** Opens a model under a name; those that were not run for longest are closed. */
  open(name: string, model: RunnableModel): Promise<Outcome<void>>;
  /** Null: it is not open (any more). */
  run(name: string, inputs: readonly Uint8Array[]): Promise<Outcome<RunResult | null>>;
}

/** Sessions that are kept open. */
const MAX_OPEN = 16;

if (parentPort === null) throw new Error('model-worker is the entry of a worker');

/** The one that was not run for longest comes first. */
const opened = new Map<string, OpenedModel>();

/** ONNX Runtime does one thing at a time, and no session is closed while it runs. */
let tail: Promise<unknown> = Promise.resolve();
function inTurn<T>(action: () => Promise<T>): Promise<Outcome<T>> {
  const result = tail.then(() => outcomeOf(action));
  tail = result;
  return result;
}

const service: ModelService = {
  digits: (folder) => outcomeOf(() => digitsFiles(folder)),
  prepare: (circuitFile, weightsFile, slices) => outcomeOf(() => prepareModel(circuitFile, weightsFile, slices)),
  open: (name, model) =>
    inTurn(async () => {
      if (opened.has(name)) return;
      opened.set(name, await openIntegerModel(model));
      for (const [oldest, session] of opened) {
        if (opened.size <= MAX_OPEN) break;
        opened.delete(oldest);
        await session.close();
      }
    }),
  run: (name, inputs) =>
    inTurn(async () => {
      const session = opened.get(name);
      if (session === undefined) return null;
      opened.delete(name);
      opened.set(name, session);
      return session.run(inputs);
    }),
};
expose(service, nodeEndpoint(parentPort));
