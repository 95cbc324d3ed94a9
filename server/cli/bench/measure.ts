/** Measures one model on a number of threads: proofs are made and verified in workers, as users make and verify them. */
import type { Circuit, Weights } from '../../../circuits/graph/circuit.ts';
import { size } from '../../../circuits/graph/circuit.ts';
import { publicNames, writeIntegerModel } from '../../../circuits/onnx/write.ts';
import { uniformGenerator } from '../../../circuits/quantize/seeded.ts';
import { openModel } from '../../../wasm/inference/node.ts';
import { nodePlatform } from '../../../wasm/runtime/node.ts';
import { createProver, createVerifier } from '../../../wasm/runtime/prover.ts';

/** A model ready to be measured. */
export interface Measured {
  readonly model: string;
  readonly weightsAre: 'public' | 'committed';
  readonly circuit: Circuit;
  readonly weights: Weights;
  readonly warmUps: number;
  readonly runs: number;
}

/** One line of the report. Times in milliseconds. */
export interface BenchResult {
  readonly model: string;
  readonly threads: number;
  readonly weights: 'public' | 'committed';
  /** ONNX Runtime on the integer model, one thread, in this process; median. */
  readonly infer_ms: number;
  /** From input bytes to proof bytes, as the prover's owner sees it; median of the warm runs. */
  readonly prove_ms: number;
  readonly prove_p95_ms: number;
  /** The first proof of a prover that was prepared without a warm-up: what a user waits for once. */
  readonly prove_cold_ms: number;
  readonly verify_ms: number;
  readonly proof_bytes: number;
  /** The kernels' whole memory after the last proof. */
  readonly peak_bytes: number;
  /** Medians. Grinding is part of other phases too. */
  readonly phases: Readonly<Record<string, number>>;
  /** Checks, layout, weights into memory, the commitment of committed weights, the worker's start, and a warm-up of `WARM_UP_MS`. */
  readonly prepare_ms: number;
  readonly verifier_prepare_ms: number;
}

/** For how long provers make proofs before those that are measured, as part of their preparation: what miners do, too. */
export const WARM_UP_MS = 1000;

/** The value at a share of the sorted values: 0.5 is the median (of an even number, the lower one of the middle). */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}

const median = (values: readonly number[]): number => quantile(values, 0.5);

/** Seeded inputs, every one another. */
function inputsOf(circuit: Circuit): () => Uint8Array[] {
  const uniform = uniformGenerator(2);
  return () => circuit.inputs.map(({ shape }) => Uint8Array.from({ length: size(shape) }, () => 256 * uniform()));
}

/** Plain integer inference: median of some runs by ONNX Runtime. */
async function measureInference({ circuit, weights, warmUps, runs }: Measured): Promise<number> {
  const names = publicNames(circuit);
  const session = await openModel(writeIntegerModel(circuit, weights), names.outputs);
  const nextInputs = inputsOf(circuit);
  const times: number[] = [];
  for (let run = 0; run < warmUps + runs; run++) {
    const inputs = nextInputs();
    const feeds = Object.fromEntries(names.inputs.map((name, k) => [name, { dims: circuit.meaning.inputs[k]!.dims, data: inputs[k]! }]));
    const start = performance.now();
    await session.run(feeds);
    times.push(performance.now() - start);
  }
  await session.close();
  return median(times.slice(warmUps));
}

/** The first proof of a prover that has proven nothing before. */
async function measureCold({ circuit, weights }: Measured, threads: number, context: Uint8Array): Promise<number> {
  const prover = await createProver(nodePlatform, circuit, weights, { threads, warmUpMs: 0 });
  try {
    const start = performance.now();
    await prover.prove(inputsOf(circuit)(), context);
    return performance.now() - start;
  } finally {
    await prover.dispose();
  }
}

/**
 * Measures a model. Every proof but the cold one is verified; a proof that does not verify is an error.
 * @param onRun called after every proof, with the number of proofs so far and in all
 */
export async function measure(measured: Measured, threads: number, onRun: (done: number, total: number) => void): Promise<BenchResult> {
  const { circuit, weights, warmUps, runs } = measured;
  const context = new TextEncoder().encode('bench');
  const infer = await measureInference(measured);

  const cold = await measureCold(measured, threads, context);

  let start = performance.now();
  const prover = await createProver(nodePlatform, circuit, weights, { threads, warmUpMs: WARM_UP_MS });
  const prepare = performance.now() - start;
  start = performance.now();
  const verifier = await createVerifier(nodePlatform, circuit, circuit.weightRoot ? null : weights, { threads });
  const verifierPrepare = performance.now() - start;
  if (!verifier.ok) throw new Error(`${measured.model}: the circuit is refused: ${verifier.check}: ${verifier.detail}`);
  try {
    const nextInputs = inputsOf(circuit);
    const proveTimes: number[] = [];
    const verifyTimes: number[] = [];
    const phases: Record<string, number[]> = {};
    let bytes = 0;
    for (let run = 0; run < warmUps + runs; run++) {
      const inputs = nextInputs();
      start = performance.now();
      const { outputs, proof, timings } = await prover.prove(inputs, context);
      proveTimes.push(performance.now() - start);
      start = performance.now();
      const verdict = await verifier.verify({ inputs, outputs, context }, proof);
      verifyTimes.push(performance.now() - start);
      if (!verdict.ok) throw new Error(`${measured.model}: a proof is refused: ${verdict.check}: ${verdict.detail}`);
      if (run >= warmUps) {
        for (const [phase, time] of Object.entries({ ...timings.phases, grinding: timings.grinding })) (phases[phase] ??= []).push(time);
      }
      bytes = Math.max(bytes, proof.length);
      onRun(run + 1, warmUps + runs);
    }
    const warm = proveTimes.slice(warmUps);
    return {
      model: measured.model,
      threads,
      weights: measured.weightsAre,
      infer_ms: infer,
      prove_ms: median(warm),
      prove_p95_ms: quantile(warm, 0.95),
      prove_cold_ms: cold,
      verify_ms: median(verifyTimes.slice(warmUps)),
      proof_bytes: bytes,
      peak_bytes: (await prover.memory())!.size,
      phases: Object.fromEntries(Object.entries(phases).map(([phase, times]) => [phase, median(times)])),
      prepare_ms: prepare,
      verifier_prepare_ms: verifierPrepare,
    };
  } finally {
    await prover.dispose();
    await verifier.dispose();
  }
}
