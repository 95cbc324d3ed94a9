/** What browser tests call in the page. */
import { decodeCircuit } from '../../../circuits/graph/encoding.ts';
import { browserPlatform } from '../../../wasm/runtime/browser.ts';
import { createProver, createVerifier } from '../../../wasm/runtime/prover.ts';
import type { KernelReport } from './kernels-worker.ts';

/** Bytes on their way between test and page. */
type Bytes = readonly number[];

export interface ProvingJob {
  /** The circuit's encoding. */
  readonly circuit: Bytes;
  readonly weights: readonly Bytes[];
  readonly inputs: readonly Bytes[];
  readonly context: Bytes;
  readonly threads?: number;
}

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

  /** Proves in a worker, verifies in another. */
  async prove({ circuit: encoding, weights, inputs, context, threads }: ProvingJob) {
    const circuit = decodeCircuit(Uint8Array.from(encoding));
    const values = weights.map((w) => Int8Array.from(w));
    const statement = { inputs: inputs.map((x) => Uint8Array.from(x)), context: Uint8Array.from(context) };
    const options = threads === undefined ? {} : { threads };
    const prover = await createProver(browserPlatform, circuit, values, options);
    const { outputs, proof, timings } = await prover.prove(statement.inputs, statement.context);
    await prover.dispose();
    const verifier = await createVerifier(browserPlatform, circuit, values, options);
    if (!verifier.ok) return { verdict: verifier, proof: [], outputs: [], timings };
    const verdict = await verifier.verify({ ...statement, outputs }, proof);
    await verifier.dispose();
    return { verdict, proof: [...proof], outputs: outputs.map((y) => [...y]), timings };
  },
};

export type PageActions = typeof actions;

Object.assign(globalThis, { actions });
document.documentElement.dataset.ready = '';
