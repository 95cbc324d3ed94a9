/**
 * How much memory a proof takes, before it takes any: the prover's allocations, counted from the layout by the functions that stand beside the arguments (memory.ts in their folders). Nothing
 * is measured or fitted; tests hold the prover to it.
 */
import { size, weightCount, type Circuit, type Term, type View } from '../../circuits/graph/circuit.ts';
import { planBatches, planClaims, type PlannedBatch } from '../claims/memory.ts';
import { codeBits, paddedLength } from '../commitment/commitment.ts';
import { planCommitment, planMessage, planOpening } from '../commitment/memory.ts';
import { planForward } from '../forward/memory.ts';
import { planInputs, planLinear, planWeightForms, planWeights } from '../linear/memory.ts';
import { capacityOf } from '../lookup/nodes.ts';
import { planLeafMap, planLookups } from '../lookup/memory.ts';
import { MAX_PROOF_BYTES, openingLevels } from '../parameters.ts';
import type { Phase } from '../prove.ts';
import { ARENA } from '../runtime/control.ts';
import { PlannedArena, type Bytes, type PlannedPeak } from '../runtime/planned-arena.ts';
import { layoutOf, vectorVariables, witnessSlots, type Layout } from '../statement/layout.ts';
import type { MemoryPart } from './parts.ts';

/** What JavaScript objects of the proving thread hold, besides the kernels' memory. */
export type JavaScriptPart = 'weights' | 'circuit' | 'lookup tables' | 'twiddles' | 'leaf map' | 'proof';

export interface MemoryEstimate {
  /** Bytes of the kernels' memory that are in use at the peak; what `Arena.peak` says after a proof is at most this, and not much less. */
  readonly kernels: number;
  /** The phase in which the peak is. */
  readonly phase: 'preparation' | Phase;
  /** What the kernels' memory holds at the peak; the sum is `kernels`. See `MEMORY_PARTS`. */
  readonly parts: Bytes<MemoryPart>;
  /** The peak of each phase. */
  readonly phases: Readonly<Record<'preparation' | Phase, number>>;
  /**
   * Bytes of typed arrays that the thread which proves holds beside that, and their sum: the arrays of the circuit and its weights (the caller has another copy if the prover lives in a worker), tables
   * that are kept, and the largest that are made for a moment. The engine itself, its code and its garbage are not in it.
   */
  readonly javascript: number;
  readonly javascriptParts: Readonly<Record<JavaScriptPart, number>>;
}

export interface EstimateOptions {
  /** Threads that compute; default 1. */
  readonly threads?: number;
}

/**
 * Memory that proving takes, preparation included, for a circuit that `checkCircuit` accepts, and for a context of up to 2 KiB.
 *
 * @example estimateMemory(circuit, { threads: 2 }).kernels // bytes
 */
export function estimateMemory(circuit: Circuit, { threads = 1 }: EstimateOptions = {}): MemoryEstimate {
  return estimateOf(layoutOf(circuit), threads);
}

/** As `estimateMemory`, from a layout. */
export function estimateOf(layout: Layout, threads: number): MemoryEstimate {
  const peaks = planProof(layout, threads);
  const [phase, peak] = [...peaks].reduce((best, own) => (own[1].bytes > best[1].bytes ? own : best));
  const javascriptParts = javascriptOf(layout);
  return {
    kernels: peak.bytes,
    phase,
    parts: Object.fromEntries(Object.entries(peak.parts).filter(([, bytes]) => bytes > 0)),
    phases: Object.fromEntries([...peaks].map(([name, { bytes }]) => [name, bytes])) as MemoryEstimate['phases'],
    javascript: Object.values(javascriptParts).reduce((a, b) => a + b),
    javascriptParts,
  };
}

/** The phases of a proof in order, as `prepareProver` and `argue` of prove.ts go through them. */
function planProof(layout: Layout, threads: number): Map<MemoryEstimate['phase'], PlannedPeak<MemoryPart>> {
  const { circuit } = layout;
  const plan = new PlannedArena<MemoryPart>();
  const peaks = new Map<MemoryEstimate['phase'], PlannedPeak<MemoryPart>>();
  const levels = openingLevels(layout.witnessLength);
  const weightLevels = circuit.weightRoot ? openingLevels(layout.weightLength) : null;
  if (!levels) throw new RangeError(`a witness of ${layout.witnessLength} entries is longer than can be committed to`);

  plan.take('reserved', ARENA);
  // sums, single values and hashes of short messages, which are freed at once
  plan.take('scratch', 2048 + 64 * threads);
  planWeights(plan, layout);
  if (weightLevels) {
    plan.take('committed weights', 4 * paddedLength(layout.weightLength, weightLevels[0]!));
    planCommitment(plan, 'committed weights', layout.weightLength, weightLevels, 0, threads);
  }
  planLeafMap(plan, layout);
  peaks.set('preparation', plan.endStretch());

  planForward(plan, layout, threads);
  peaks.set('forward', plan.endStretch());

  for (const bytes of [2560, 4096, 64, 64, 64]) plan.take('scratch', bytes);
  for (const { shape } of circuit.inputs) planMessage(plan, size(shape));
  for (const tensor of circuit.outputs) planMessage(plan, 4 * size(circuit.layers[tensor - circuit.inputs.length]!.shape));
  planCommitment(plan, 'encoded witness', layout.witnessLength, levels, 0, threads);
  peaks.set('commit', plan.endStretch());

  planLookups(plan, layout, threads);
  peaks.set('lookups', plan.endStretch());

  for (const { shape } of circuit.inputs) plan.take('functionals', size(shape) + 16);
  for (const tensor of circuit.outputs) plan.take('functionals', 4 * size(circuit.layers[tensor - circuit.inputs.length]!.shape) + 16);
  const forms = planClaims(plan, layout);
  planLinear(plan, layout, threads);
  planMessage(plan, 16 * layout.convolutions.length);
  forms.push(...planInputs(plan, layout));
  const batches: PlannedBatch[] = [{ slots: witnessSlots(layout), forms, variables: vectorVariables(layout.witnessLength) }];
  if (weightLevels) {
    batches.push({
      slots: layout.weightSlots,
      forms: planWeightForms(plan, layout),
      variables: vectorVariables(layout.weightLength),
    });
  }
  peaks.set('linear', plan.endStretch());

  planBatches(plan, batches, threads);
  peaks.set('batching', plan.endStretch());

  planOpening(plan, layout.witnessLength, vectorVariables(layout.witnessLength), levels, 0, threads);
  if (weightLevels) planOpening(plan, layout.weightLength, vectorVariables(layout.weightLength), weightLevels, 0, threads);
  peaks.set('opening', plan.endStretch());
  return peaks;
}

/** Bytes of the typed arrays of a circuit: tables, biases, factors and index maps. */
function circuitBytes(circuit: Circuit): number {
  const ofView = ({ parts }: View): number => {
    const maps = parts.flatMap((part): readonly Int32Array[] => (part.kind === 'gather' ? [part.index] : part.maps));
    return maps.reduce((n, map) => n + map.byteLength, 0);
  };
  const ofTerm = (term: Term): number =>
    ofView(term.operand) +
    (term.kind === 'convolution' ? 0 : 4 * term.multiplier.length) +
    (term.kind === 'window-sum' ? 4 * (term.rowFactor.length + term.columnFactor.length) : 0);
  const layers = circuit.layers.map((layer) =>
    layer.kind === 'maximum'
      ? ofView(layer.a) + ofView(layer.b)
      : 4 * layer.bias.length + layer.terms.reduce((n, term) => n + ofTerm(term), 0),
  );
  return layers.reduce((a, b) => a + b, 0) + circuit.tables.reduce((n, { values }) => n + values.length, 0);
}

function javascriptOf(layout: Layout): Record<JavaScriptPart, number> {
  const { circuit } = layout;
  const levels = [layout.witnessLength, ...(circuit.weightRoot ? [layout.weightLength] : [])].flatMap((n) => openingLevels(n) ?? []);
  const codes = [...new Set(levels.map(codeBits))];
  return {
    weights: layout.convolutions.reduce((n, { layer, term }) => n + weightCount(layer.shape[0], term), 0),
    circuit: circuitBytes(circuit),
    'lookup tables': layout.tables.reduce((n, { first }) => n + 8 * first.length, 0),
    // kept, and as much again while the largest are made
    twiddles: codes.reduce((n, log) => n + 2 ** (log + 2), 2 ** (Math.max(...codes) + 2)),
    // one bit a leaf and at most one byte for every 16, 32, ..
    'leaf map': capacityOf(layout.leafLength) / 4,
    // its messages, and the whole
    proof: 2 * MAX_PROOF_BYTES,
  };
}
