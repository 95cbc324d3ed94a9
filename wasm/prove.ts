/**
 * Front door of the prover. `prepareProver` does once what a circuit needs (checks, layout, weights into memory, the commitment of committed weights); `prove` then turns input bytes into
 * proof bytes. Everything runs on one `Kernels` instance and frees what it took.
 */
import { checkCircuit } from '../circuits/bounds/index.ts';
import { circuitDigest } from '../circuits/graph/encoding.ts';
import { convolutions, type Circuit, type Weights } from '../circuits/graph/circuit.ts';
import { CircuitRefusal } from '../circuits/graph/refusal.ts';
import { proveBatches, type BatchVector } from './claims/batching.ts';
import { proveReduction } from './claims/reduce.ts';
import { commitVector, openProve, type Commitment } from './commitment/commitment.ts';
import { runForward } from './forward/forward.ts';
import { placeWeights, type WeightRows } from './linear/convolution.ts';
import { placeLeafMap, type LeafMap } from './lookup/leaf-map.ts';
import { proveLookups } from './lookup/prove.ts';
import { estimateOf } from './memory/estimate.ts';
import { openingLevels } from './parameters.ts';
import { commitWeights } from './registration/weights.ts';
import { MemoryRefusal, SLACK } from './runtime/arena.ts';
import { ARENA } from './runtime/control.ts';
import type { Kernels } from './runtime/kernels.ts';
import { keepSince } from './runtime/preparation.ts';
import { layoutOf, witnessSlots, type Layout } from './statement/layout.ts';
import { absorbStatement, checkInputs, lookupChallenges, placeStatement, type Output } from './statement/statement.ts';
import { ProverTranscript } from './transcript/transcript.ts';
import type { Forward } from './forward/forward.ts';

export { estimateMemory, type EstimateOptions, type MemoryEstimate } from './memory/estimate.ts';
export { MEMORY_PARTS, type MemoryPart } from './memory/parts.ts';
export { MemoryRefusal } from './runtime/arena.ts';
export { commitCircuit } from './registration/commit.ts';
export { proveRegistration, type Registration } from './registration/prove.ts';
export { proveSlices, type ProvenSlices, type SliceProof, type SliceProver } from './slices.ts';

/** Milliseconds per phase of one proof. */
export interface Timings {
  readonly total: number;
  readonly phases: Readonly<Record<Phase, number>>;
  /** Spent on grinding: part of the openings (and, for the largest circuits, of the lookups). */
  readonly grinding: number;
}

export type Phase = 'forward' | 'commit' | 'lookups' | 'linear' | 'batching' | 'opening';

export interface Proven {
  /** By output of the circuit. */
  readonly outputs: readonly Output[];
  readonly proof: Uint8Array;
  readonly timings: Timings;
  /** Labels of the proof's messages, with offset and length in bytes. */
  readonly messages: readonly { readonly label: string; readonly offset: number; readonly length: number }[];
}

export interface ProveOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called as a phase begins. */
  readonly onProgress?: ((phase: Phase) => void) | undefined;
}

/** What a circuit needs once, in the kernels' memory. */
export interface PreparedCircuit {
  readonly kernels: Kernels;
  readonly circuit: Circuit;
  readonly digest: Uint8Array;
  readonly layout: Layout;
  readonly leafMap: LeafMap;
  readonly weights: readonly WeightRows[];
  /** The commitment of committed weights, else null. */
  readonly weightCommitment: Commitment | null;
}

export interface LocalProver {
  readonly digest: Uint8Array;
  prove(inputs: readonly Uint8Array[], context: Uint8Array, options?: ProveOptions): Proven;
  /** Frees what preparation took; whatever is prepared on the same kernels is freed in the reverse order. Throws where it is not its turn. `prove` throws from then on. */
  dispose(): void;
}

export interface PrepareOptions {
  /** Bytes that the kernels' memory may have at most, if less than its own limit. */
  readonly memoryLimit?: number | undefined;
}

/** Throws `MemoryRefusal` unless the kernels' memory suffices for proving a circuit. Nothing is allocated. */
function checkMemory({ arena, threads }: Kernels, layout: Layout, { memoryLimit = Infinity }: PrepareOptions): void {
  const { kernels, parts } = estimateOf(layout, threads);
  const needed = kernels - ARENA + SLACK;
  const available = Math.max(0, Math.min(arena.limit, memoryLimit) - arena.mark());
  if (needed <= available) return;
  const largest = Object.entries(parts).sort((a, b) => b[1] - a[1]);
  throw new MemoryRefusal(needed, available, largest.slice(0, 3));
}

/**
 * Checks the circuit against its weights and puts what proving needs into memory. Throws `CircuitRefusal` for a circuit that no verifier would accept, `MemoryRefusal` where a proof would not fit into
 * memory (then none was taken), `OutOfMemory` where the system does not give it.
 */
export function prepareCircuit(kernels: Kernels, circuit: Circuit, weights: Weights, options: PrepareOptions = {}): PreparedCircuit {
  checkCircuit(circuit, weights);
  const layout = layoutOf(circuit);
  checkMemory(kernels, layout, options);
  const sites = convolutions(circuit);
  const rows = weights.map((w, k) => placeWeights(kernels, w, sites[k]!.layer.shape[0]));
  const weightCommitment = circuit.weightRoot ? commitWeights(kernels, layout, weights) : null;
  if (weightCommitment?.root.some((byte, k) => byte !== circuit.weightRoot![k]))
    throw new CircuitRefusal('', 'weights', 'these are not the weights that the circuit commits to');
  return {
    kernels,
    circuit,
    digest: circuitDigest(circuit),
    layout,
    leafMap: placeLeafMap(kernels, layout),
    weights: rows,
    weightCommitment,
  };
}

/** Prepares a prover; see `prepareCircuit`. */
export function prepareProver(kernels: Kernels, circuit: Circuit, weights: Weights, options: PrepareOptions = {}): LocalProver {
  const mark = kernels.arena.mark();
  let prepared: PreparedCircuit;
  try {
    prepared = prepareCircuit(kernels, circuit, weights, options);
  } catch (error) {
    kernels.arena.release(mark);
    throw error;
  }
  const preparation = keepSince(kernels, mark, 'prover');
  return {
    digest: prepared.digest,
    prove(inputs, context, options = {}) {
      preparation.check();
      const before = kernels.arena.mark();
      try {
        checkInputs(circuit, inputs);
        const start = performance.now();
        options.onProgress?.('forward');
        const forward = runForward(kernels, prepared.layout, prepared.weights, inputs);
        const forwardTime = performance.now() - start;
        return argue(prepared, inputs, forward, context, { ...options, forwardTime });
      } finally {
        kernels.arena.release(before);
      }
    },
    dispose: () => preparation.release(),
  };
}

/**
 * The argument itself, for a witness that stands in memory, honest or not: a cheating prover is this function on a tampered witness.
 */
export function argue(
  prepared: PreparedCircuit,
  inputs: readonly Uint8Array[],
  forward: Forward,
  context: Uint8Array,
  options: ProveOptions & { forwardTime?: number } = {},
): Proven {
  const { kernels, circuit, layout, weightCommitment } = prepared;
  const phases: Record<Phase, number> = { forward: options.forwardTime ?? 0, commit: 0, lookups: 0, linear: 0, batching: 0, opening: 0 };
  let now = performance.now();
  const start = now - phases.forward;
  const begin = (phase: Phase): void => {
    options.signal?.throwIfAborted();
    options.onProgress?.(phase);
  };
  const end = (phase: Phase): void => {
    const time = performance.now();
    phases[phase] = time - now;
    now = time;
  };
  const statement = { inputs, outputs: forward.outputs, context };
  const transcript = new ProverTranscript(kernels);
  absorbStatement(transcript, circuit, prepared.digest, statement);

  begin('commit');
  const commitment = commitVector(kernels, forward.witness, layout.witnessLength, openingLevels(layout.witnessLength)!);
  transcript.sendBytes('witness root', commitment.root);
  end('commit');

  begin('lookups');
  const challenges = lookupChallenges(transcript, layout);
  const point = proveLookups(kernels, transcript, layout, prepared.leafMap, forward, challenges);
  end('lookups');

  begin('linear');
  const scene = placeStatement(kernels, layout, statement);
  const batches = proveReduction(scene, transcript, point, challenges, { weights: prepared.weights, operands: forward.operands });
  end('linear');

  begin('batching');
  const vectors: BatchVector[] = [{ address: forward.witness, slots: witnessSlots(layout) }];
  if (weightCommitment) vectors.push({ address: weightCommitment.vector, slots: layout.weightSlots });
  const mark = kernels.arena.mark();
  const opened = proveBatches(kernels, transcript, batches, vectors);
  kernels.arena.release(mark);
  end('batching');

  begin('opening');
  openProve(kernels, transcript, commitment, opened[0]!.point);
  if (weightCommitment) openProve(kernels, transcript, weightCommitment, opened[1]!.point);
  end('opening');
  return {
    outputs: forward.outputs,
    proof: transcript.proof(),
    timings: { total: now - start, phases, grinding: transcript.grindingTime },
    messages: transcript.messages,
  };
}
