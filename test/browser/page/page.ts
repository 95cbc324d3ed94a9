/** What browser tests call in the page. Files travel as base64. */
import { decodeProofFile, encodeProofFile } from '../../../circuits/graph/proof-file.ts';
import { decodeWeightsFile, encodeWeightsFile } from '../../../circuits/graph/weights-file.ts';
import { decodeCircuitFile, encodeCircuitFile } from '../../../circuits/graph/file.ts';
import { compile, type CompileOptions } from '../../../circuits/quantize/compile.ts';
import { openModel } from '../../../wasm/inference/browser.ts';
import type { Timings } from '../../../wasm/prove.ts';
import { browserPlatform } from '../../../wasm/runtime/browser.ts';
import { createProver, createVerifier } from '../../../wasm/runtime/prover.ts';
import type { Verdict } from '../../../wasm/verify.ts';
import type { KernelReport } from './kernels-worker.ts';

export interface ProvingJob {
  readonly circuit: string;
  readonly weights: string;
  /** Inputs and context are taken from it; its proof is verified, not copied. */
  readonly proof: string;
  readonly threads?: number | undefined;
}

export interface CompilingJob {
  /** The ONNX file. */
  readonly model: string;
  /** Uniform values to calibrate with, by seed. */
  readonly calibration: Extract<CompileOptions['calibration'], { kind: 'uniform' }>;
}

export interface ProvingReport {
  /** The proof file that the page makes. */
  readonly proof: string;
  /** What the page says of its own proof, and of the one it was given. */
  readonly verdicts: readonly Verdict[];
  readonly timings: Timings;
}

const fromBase64 = (text: string): Uint8Array => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const toBase64 = (bytes: Uint8Array): string => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));

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

  /** Compiles a model; gives the files of its circuit and weights. */
  async compile({ model, calibration }: CompilingJob): Promise<{ circuit: string; weights: string }> {
    const { circuit, weights } = await compile(fromBase64(model), { calibration }, { openModel });
    return { circuit: toBase64(encodeCircuitFile(circuit)), weights: toBase64(encodeWeightsFile(weights)) };
  },

  /** Proves in a worker, verifies in another. */
  async prove({ circuit: circuitFile, weights: weightsFile, proof: proofFile, threads }: ProvingJob): Promise<ProvingReport> {
    const circuit = decodeCircuitFile(fromBase64(circuitFile));
    const weights = decodeWeightsFile(fromBase64(weightsFile));
    const given = decodeProofFile(fromBase64(proofFile));
    const { inputs, context } = given;
    const options = threads === undefined ? {} : { threads };
    const prover = await createProver(browserPlatform, circuit, weights, options);
    const { outputs, proof, timings } = await prover.prove(inputs, context);
    const made = encodeProofFile({ circuit: prover.digest, context, inputs, outputs, proof });
    await prover.dispose();

    const verifier = await createVerifier(browserPlatform, circuit, circuit.weightRoot ? null : weights, options);
    if (!verifier.ok) throw new Error(`the circuit is refused: ${verifier.check}: ${verifier.detail}`);
    const verdicts = [];
    verdicts.push(await verifier.verify({ inputs, outputs, context }, proof));
    verdicts.push(await verifier.verify(given, given.proof));
    await verifier.dispose();
    return { proof: toBase64(made), verdicts, timings };
  },
};

export type PageActions = typeof actions;

Object.assign(globalThis, { actions });
document.documentElement.dataset.ready = '';
