/** Proofs in a worker, whole or slice by slice, with what `prove` reports of them. */
import { checkCircuit } from '../../circuits/bounds/index.ts';
import type { Circuit, Shape, Weights } from '../../circuits/graph/circuit.ts';
import { circuitDigest } from '../../circuits/graph/encoding.ts';
import { encodeProofFile } from '../../circuits/graph/proof-file.ts';
import { chooseCuts, cutTensors } from '../../circuits/slice/cuts.ts';
import { slice, type SlicedCircuit } from '../../circuits/slice/slice.ts';
import { proveSlices, type Phase, type Proven, type SliceProver, type Timings } from '../../wasm/prove.ts';
import { nodePlatform } from '../../wasm/runtime/node.ts';
import { createProver } from '../../wasm/runtime/prover.ts';
import { encodeChain } from './chain-file.ts';
import { Failure } from './failure.ts';
import type { Progress } from './terminal.ts';

const PHASES: readonly Phase[] = ['forward', 'commit', 'lookups', 'linear', 'batching', 'opening'];

export interface ProofRequest {
  readonly circuit: Circuit;
  readonly weights: Weights;
  readonly inputs: readonly Uint8Array[];
  readonly context: Uint8Array;
  /** Where the proof is to go; for the names of files only. */
  readonly out: string;
  readonly threads: number;
}

/** A slice and its proof. */
export interface SliceReport {
  /** Numbers and names of its first and last layer. */
  readonly layers: readonly [number, number];
  readonly from: string;
  readonly to: string;
  /** Shape of the tensor that crosses to the next slice; null for the last. */
  readonly crossing: Shape | null;
  readonly proof_bytes: number;
  readonly prepare_ms: number;
  readonly prove_ms: number;
}

export interface ProofResult {
  readonly files: readonly { readonly path: string; readonly bytes: Uint8Array }[];
  readonly digest: Uint8Array;
  readonly outputs: Proven['outputs'];
  /** In all. */
  readonly proofBytes: number;
  /** Milliseconds. */
  readonly prepareTime: number;
  readonly timings: Timings;
  /** Most bytes of the kernels' memory that were in use at once, where the runtime says. */
  readonly peak: number | null;
  readonly slices: readonly SliceReport[] | null;
}

/** Proves a model whole. */
export async function proveWhole(
  { circuit, weights, inputs, context, out, threads }: ProofRequest,
  progress: Progress,
): Promise<ProofResult> {
  const start = performance.now();
  progress.at(0, PHASES.length + 1, 'preparing');
  const prover = await createProver(nodePlatform, circuit, weights, { threads });
  try {
    const prepareTime = performance.now() - start;
    const { outputs, proof, timings } = await prover.prove(inputs, context, {
      onProgress: (phase) => progress.at(1 + PHASES.indexOf(phase), PHASES.length + 1, phase),
    });
    const memory = await prover.memory();
    const bytes = encodeProofFile({ circuit: prover.digest, context, inputs, outputs, proof });
    return {
      files: [{ path: out, bytes }],
      digest: prover.digest,
      outputs,
      proofBytes: proof.length,
      prepareTime,
      timings,
      peak: memory?.peak ?? null,
      slices: null,
    };
  } finally {
    await prover.dispose();
  }
}

/**
 * Proves a model in `count` slices, cut where the largest cost of a slice is least, one after the other. Throws `Failure` (usage) where it cannot be cut so often.
 */
export async function proveInSlices(request: ProofRequest, count: number, progress: Progress): Promise<ProofResult> {
  const { circuit, weights, inputs, context, out, threads } = request;
  progress.at(0, count * (PHASES.length + 1), 'preparing');
  checkCircuit(circuit, weights);
  const most = cutTensors(circuit).length + 1;
  if (count > most)
    throw new Failure('usage', 'usage', `this model cannot be cut into ${count} slices`, { expected: `1 to ${most}`, got: `${count}` });
  const cuts = chooseCuts(circuit, count);
  const prepareTimes: number[] = [];
  const peaks: number[] = [];
  const start = async (own: Circuit, ownWeights: Weights): Promise<SliceProver> => {
    const begin = performance.now();
    const prover = await createProver(nodePlatform, own, ownWeights, { threads });
    prepareTimes.push(performance.now() - begin);
    return {
      digest: prover.digest,
      prove: (...args) => prover.prove(...args),
      async dispose() {
        const memory = await prover.memory().catch(() => null);
        if (memory !== null) peaks.push(memory.peak);
        await prover.dispose();
      },
    };
  };
  const proven = await proveSlices(circuit, weights, cuts, start, inputs, context, {
    onProgress: (k, _, phase) =>
      progress.at(k * (PHASES.length + 1) + 1 + PHASES.indexOf(phase), count * (PHASES.length + 1), `slice ${k}: ${phase}`),
  });
  const digest = circuitDigest(circuit);
  return {
    files: encodeChain(out, { circuit: digest, context, cuts, outputs: proven.outputs, slices: proven.slices }),
    digest,
    outputs: proven.outputs,
    proofBytes: proven.slices.reduce((sum, { proof }) => sum + proof.length, 0),
    prepareTime: prepareTimes.reduce((a, b) => a + b, 0),
    timings: sumOf(proven.timings),
    peak: peaks.length > 0 ? Math.max(...peaks) : null,
    slices: slice(circuit, cuts).map((piece, k) => ({
      ...extentOf(circuit, piece),
      proof_bytes: proven.slices[k]!.proof.length,
      prepare_ms: prepareTimes[k]!,
      prove_ms: proven.timings[k]!.total,
    })),
  };
}

function extentOf(circuit: Circuit, { from, to }: SlicedCircuit): Pick<SliceReport, 'layers' | 'from' | 'to' | 'crossing'> {
  const last = circuit.layers[to - 1]!;
  return {
    layers: [from, to - 1],
    from: circuit.layers[from]!.name,
    to: last.name,
    crossing: to === circuit.layers.length ? null : last.shape,
  };
}

function sumOf(timings: readonly Timings[]): Timings {
  const sum = (of: (own: Timings) => number): number => timings.reduce((total, own) => total + of(own), 0);
  return {
    total: sum(({ total }) => total),
    phases: Object.fromEntries(PHASES.map((phase) => [phase, sum(({ phases }) => phases[phase])])) as Record<Phase, number>,
    grinding: sum(({ grinding }) => grinding),
  };
}
