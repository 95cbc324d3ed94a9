/**
 * A model proven in slices: one proof per slice of its circuit, made one after the other or by different provers, and verified as a chain. Slices follow from the whole circuit and its
 * cuts; a verifier recomputes them and their digests, whatever it is told. Source: the proof system, section 11.
 */
import { checkStructure } from '../circuits/bounds/structure.ts';
import type { Circuit, Weights } from '../circuits/graph/circuit.ts';
import { circuitDigest } from '../circuits/graph/encoding.ts';
import { CircuitRefusal } from '../circuits/graph/refusal.ts';
import { slice, sliceWeights, type SlicedCircuit } from '../circuits/slice/slice.ts';
import type { Phase, Proven, Timings } from './prove.ts';
import { Refused } from './statement/refused.ts';
import { checkInputs, checkStatement, type Output, type Statement } from './statement/statement.ts';
import type { Refusal, Verdict } from './verify.ts';

/** The proof of one slice, with all that it is about. */
export interface SliceProof {
  /** Digest of the slice's circuit. */
  readonly digest: Uint8Array;
  /** The slice's inputs: those of the whole circuit (the first slice), or the tensor that crosses the cut before it. */
  readonly inputs: readonly Uint8Array[];
  /** The slice's outputs, in the order that `slice` gives them. */
  readonly outputs: readonly Output[];
  readonly proof: Uint8Array;
}

/** A prover of one slice: `prepareProver`'s, or one in a worker. */
export interface SliceProver {
  readonly digest: Uint8Array;
  prove(
    inputs: readonly Uint8Array[],
    context: Uint8Array,
    options: { readonly signal?: AbortSignal | undefined; readonly onProgress?: ((phase: Phase) => void) | undefined },
  ): Proven | Promise<Proven>;
  dispose(): void | Promise<void>;
}

/** A verifier of one slice: `prepareVerifier`'s, or one in a worker. */
export interface SliceVerifier {
  readonly ok: true;
  verify(statement: Statement, proof: Uint8Array): Verdict | Promise<Verdict>;
  dispose(): void | Promise<void>;
}

/** What is said of a slice by whoever wants it verified; `digest`: null where nobody says. */
export type ClaimedSlice = Omit<SliceProof, 'digest'> & { readonly digest: Uint8Array | null };

export interface ProvenSlices {
  /** By output of the whole circuit. */
  readonly outputs: readonly Output[];
  readonly slices: readonly SliceProof[];
  /** By slice; preparation is not in it. */
  readonly timings: readonly Timings[];
}

/** As `Verdict`; a refusal says which slice it is about (counted from 0), or null where it is the chain as a whole. */
export type ChainVerdict = { readonly ok: true; readonly weights: 'public' } | (Refusal & { readonly slice: number | null });

/**
 * A part of a chain's verification that has ended: `cover`, the slices follow from the circuit and cover all its layers, and there is something for each; `chain`, inputs, outputs and crossing tensors fit; then
 * `slice`, its proof, for each.
 */
export interface ChainStep {
  readonly name: 'cover' | 'chain' | 'slice';
  readonly slice: number | null;
  readonly verdict: ChainVerdict;
  readonly milliseconds: number;
}

export interface ChainOptions {
  /** The context that the proof of slice k of n must have; default: `sliceContext` of the statement's. */
  readonly contextOf?: ((k: number, n: number) => Uint8Array) | undefined;
  /** Called as each part of the verification ends. */
  readonly onStep?: ((step: ChainStep) => void) | undefined;
}

/**
 * The context of slice k of n: the caller's, then k and n as u32, little endian. So a proof of one slice is none of another, nor of the same one of a chain of another length.
 */
export function sliceContext(context: Uint8Array, k: number, n: number): Uint8Array {
  const bytes = new Uint8Array(context.length + 8);
  bytes.set(context);
  const view = new DataView(bytes.buffer);
  view.setUint32(context.length, k, true);
  view.setUint32(context.length + 4, n, true);
  return bytes;
}

/**
 * Proves a model slice by slice: each slice's crossing tensor is the next one's input. `cuts`: ascending tensor numbers, such as `chooseCuts` gives. `start` makes the prover of a slice (one at a
 * time; it is disposed of before the next one). Throws `CircuitRefusal` where the circuit cannot be cut there, `Refused` for inputs that do not fit, and what `start` and its provers throw.
 * @example const chain = await proveSlices(circuit, weights, cuts, (c, w) => createProver(platform, c, w), inputs, context)
 */
export async function proveSlices(
  circuit: Circuit,
  weights: Weights,
  cuts: readonly number[],
  start: (circuit: Circuit, weights: Weights) => SliceProver | Promise<SliceProver>,
  inputs: readonly Uint8Array[],
  context: Uint8Array,
  options: {
    readonly signal?: AbortSignal | undefined;
    readonly onProgress?: ((slice: number, slices: number, phase: Phase) => void) | undefined;
  } = {},
): Promise<ProvenSlices> {
  checkInputs(circuit, inputs);
  checkStructure(circuit, weights);
  const pieces = slice(circuit, cuts);
  const made = new Map<number, Output>(inputs.map((values, tensor) => [tensor, values]));
  const slices: SliceProof[] = [];
  const timings: Timings[] = [];
  for (const [k, piece] of pieces.entries()) {
    options.signal?.throwIfAborted();
    const own = piece.inputs.map((tensor) => made.get(tensor) as Uint8Array);
    const prover = await start(piece.circuit, sliceWeights(weights, piece));
    try {
      const proven = await prover.prove(own, sliceContext(context, k, pieces.length), {
        signal: options.signal,
        onProgress: (phase) => options.onProgress?.(k, pieces.length, phase),
      });
      piece.outputs.forEach((tensor, n) => made.set(tensor, proven.outputs[n]!));
      slices.push({ digest: prover.digest, inputs: own, outputs: proven.outputs, proof: proven.proof });
      timings.push(proven.timings);
    } finally {
      await prover.dispose();
    }
  }
  return { outputs: circuit.outputs.map((tensor) => made.get(tensor)!), slices, timings };
}

/** A refusal on its way to the verdict. */
class ChainRefusal extends Error {
  readonly verdict: ChainVerdict;

  constructor(slice: number | null, check: string, detail: string) {
    super(detail);
    this.verdict = { ok: false, slice, check, detail };
  }
}

const isArray = (value: unknown): boolean => Array.isArray(value);

/** Runs a check; what it refuses is about that slice. */
function about<T>(k: number | null, check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (error instanceof Refused) throw new ChainRefusal(k, error.check, error.detail);
    if (error instanceof CircuitRefusal) throw new ChainRefusal(k, 'circuit', error.message);
    throw error;
  }
}

/** The slices of a circuit from a stranger, cut where a stranger says. */
function recomputeSlices(circuit: Circuit, weights: Weights, cuts: readonly number[]): SlicedCircuit[] {
  return about(null, () => {
    if (!isArray(cuts)) throw new Refused('cuts', 'expected an array of tensor numbers');
    if (circuit.weightRoot === null) checkStructure(circuit, weights);
    return slice(circuit, cuts);
  });
}

/** Throws unless the slices cover all layers once, in order. */
function checkCover(circuit: Circuit, pieces: readonly SlicedCircuit[]): void {
  const borders = [0, ...pieces.map(({ to }) => to)];
  const inOrder = pieces.every(({ from, to }, k) => from === borders[k] && to > from);
  if (!inOrder || borders.at(-1) !== circuit.layers.length)
    throw new ChainRefusal(null, 'cover', `the slices end at layers ${borders.join(', ')}; there are ${circuit.layers.length} layers`);
}

function same(a: Output | Uint8Array, b: Output): boolean {
  return a.length === b.length && a.every((value, n) => value === b[n]);
}

/**
 * Throws unless every slice has inputs and outputs of its shapes, and every tensor that stands in several places (the whole's inputs and outputs, crossing tensors) is the same in all of
 * them.
 */
function checkChain(circuit: Circuit, pieces: readonly SlicedCircuit[], whole: Statement, slices: readonly ClaimedSlice[]): void {
  about(null, () => checkStatement(circuit, whole));
  const known = new Map<number, Output>(whole.inputs.map((values, tensor) => [tensor, values]));
  circuit.outputs.forEach((tensor, n) => known.set(tensor, whole.outputs[n]!));
  pieces.forEach((piece, k) => {
    const { inputs, outputs } = slices[k]!;
    about(k, () => checkStatement(piece.circuit, { inputs, outputs, context: whole.context }));
    const compare = (tensor: number, values: Output, check: string, what: string): void => {
      const expected = known.get(tensor);
      if (expected && !same(expected, values)) throw new ChainRefusal(k, check, `${what} is not that of the ${whereOf(tensor)}`);
      known.set(tensor, values);
    };
    const whereOf = (tensor: number): string =>
      tensor < circuit.inputs.length || circuit.outputs.includes(tensor) ? 'whole model' : 'slice before';
    piece.inputs.forEach((tensor, n) => compare(tensor, inputs[n]!, k === 0 ? 'input' : 'crossing tensor', `input ${n} of slice ${k}`));
    piece.outputs.forEach((tensor, n) => compare(tensor, outputs[n]!, 'output', `output ${n} of slice ${k}`));
  });
}

/** Throws unless there is something for every slice. Chains come from strangers, whatever their type says. */
function checkCount(slices: readonly ClaimedSlice[], count: number): void {
  if (!isArray(slices) || slices.length !== count)
    throw new ChainRefusal(null, 'slices', `expected the proofs of ${count} slices, got ${isArray(slices) ? slices.length : 'no array'}`);
  for (const [k, proof] of (slices as readonly unknown[]).entries())
    if (typeof proof !== 'object' || proof === null) throw new ChainRefusal(k, 'slices', 'expected a digest, inputs, outputs and a proof');
}

/** What a check found, in place of what it threw. */
async function verdictOf(check: () => void | Promise<void>): Promise<ChainVerdict> {
  try {
    await check();
    return { ok: true, weights: 'public' };
  } catch (error) {
    if (error instanceof ChainRefusal) return error.verdict;
    throw error;
  }
}

/**
 * Verifies that a circuit with these public weights, run on `statement.inputs`, gives `statement.outputs`, from a proof per slice. Recomputes the slices and their digests from the whole circuit and the
 * cuts, checks that they cover all layers once and in order and that every tensor crossing a cut is the same on both sides, then verifies every proof, for the context of its slice, also those after a
 * refused one; the verdict is the first refusal. `start` makes the verifier of slice k (one at a time). `slices` may be a function of the recomputed slices. Never throws because of what is verified.
 * @example const verdict = await verifySlices(circuit, weights, cuts, (c, w) => prepareVerifier(kernels, c, w), { inputs, outputs, context }, slices)
 */
export async function verifySlices(
  circuit: Circuit,
  weights: Weights,
  cuts: readonly number[],
  start: (circuit: Circuit, weights: Weights, k: number) => SliceVerifier | Refusal | Promise<SliceVerifier | Refusal>,
  statement: Statement,
  slices: readonly ClaimedSlice[] | ((pieces: readonly SlicedCircuit[]) => readonly ClaimedSlice[]),
  options: ChainOptions = {},
): Promise<ChainVerdict> {
  const { onStep } = options;
  const contextOf = options.contextOf ?? ((k: number, n: number) => sliceContext(statement.context, k, n));
  const step = async (name: ChainStep['name'], k: number | null, check: () => void | Promise<void>): Promise<ChainVerdict> => {
    const begin = performance.now();
    const verdict = await verdictOf(check);
    onStep?.({ name, slice: k, verdict, milliseconds: performance.now() - begin });
    return verdict;
  };

  let pieces: readonly SlicedCircuit[] = [];
  let claimed: readonly ClaimedSlice[] = [];
  const covered = await step('cover', null, () => {
    pieces = recomputeSlices(circuit, weights, cuts);
    checkCover(circuit, pieces);
    claimed = typeof slices === 'function' ? slices(pieces) : slices;
    checkCount(claimed, pieces.length);
  });
  if (!covered.ok) return covered;
  const chained = await step('chain', null, () => checkChain(circuit, pieces, statement, claimed));
  if (!chained.ok) return chained;

  const verifyPiece = async (k: number, piece: SlicedCircuit): Promise<void> => {
    const { digest, inputs, outputs, proof } = claimed[k]!;
    const isOther = !((digest as unknown) instanceof Uint8Array) || !same(digest!, circuitDigest(piece.circuit));
    if (digest !== null && isOther) throw new ChainRefusal(k, 'circuit', `slice ${k} was proven for another circuit than the cuts give`);
    const verifier = await start(piece.circuit, sliceWeights(weights, piece), k);
    if (!verifier.ok) throw new ChainRefusal(k, verifier.check, verifier.detail);
    try {
      const verdict = await verifier.verify({ inputs, outputs, context: contextOf(k, pieces.length) }, proof);
      if (!verdict.ok) throw new ChainRefusal(k, verdict.check, verdict.detail);
    } finally {
      await verifier.dispose();
    }
  };
  let refused: ChainVerdict | null = null;
  for (const [k, piece] of pieces.entries()) {
    const verdict = await step('slice', k, () => verifyPiece(k, piece));
    if (!verdict.ok) refused ??= verdict;
  }
  return refused ?? { ok: true, weights: 'public' };
}
