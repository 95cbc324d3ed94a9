/**
 * What verifying the proofs of a circuit may cost. Circuits come from strangers, and a short encoding can stand for much work: a map of a few bytes covers 2^20 positions, a window of a few bytes has 2^32
 * taps. What is counted here bounds the time and the memory of every verifier, whatever the circuit; models that can be proven at all stay far below. Source: wasm/README.md, section 3, "Limits".
 */
import { size, shapeOf, type Circuit, type LinearLayer, type Part, type Term, type View } from '../graph/circuit.ts';
import { CircuitRefusal } from '../graph/refusal.ts';

/** Terms of all layers. */
export const MAX_TERMS = 2 ** 13;
/** Entries of inputs and outputs. */
export const MAX_PUBLIC_ENTRIES = 2 ** 26;
/** Axis lengths of layers, operands and what their parts read; of gathers, all entries. One element of K each. */
export const MAX_AXIS_ENTRIES = 2 ** 23;
/** Entries of public tensors, counted for each part that reads them. */
export const MAX_PUBLIC_READS = 2 ** 28;
/** Positions that a window is laid on, times its taps, for rows and columns apart. */
export const MAX_WINDOW_STEPS = 2 ** 26;
/** (output channel, tap) pairs of committed weights. */
export const MAX_WEIGHT_PLANES = 2 ** 22;
/** Positions of operands with several parts, looked at part by part. */
export const MAX_COVERED_POSITIONS = 2 ** 28;

/** What there is a limit of. */
export interface Work {
  readonly terms: number;
  readonly publicEntries: number;
  readonly axisEntries: number;
  readonly publicReads: number;
  readonly windowSteps: number;
  readonly weightPlanes: number;
  readonly coveredPositions: number;
}

/** Each limit, and what it is a number of. */
export const WORK_LIMITS: { readonly [count in keyof Work]: readonly [limit: number, what: string] } = {
  terms: [MAX_TERMS, 'terms'],
  publicEntries: [MAX_PUBLIC_ENTRIES, 'entries of inputs and outputs'],
  axisEntries: [MAX_AXIS_ENTRIES, 'entries of axes'],
  publicReads: [MAX_PUBLIC_READS, 'reads of public entries'],
  windowSteps: [MAX_WINDOW_STEPS, 'steps of windows'],
  weightPlanes: [MAX_WEIGHT_PLANES, 'planes of committed weights'],
  coveredPositions: [MAX_COVERED_POSITIONS, 'positions of operands with several parts'],
};

const axes = (shape: readonly number[]): number => shape.reduce((a, b) => a + b, 0);
const covered = (map: Int32Array): number => map.reduce((n, v) => (v >= 0 ? n + 1 : n), 0);

/** Positions that a search for doubly covered ones looks at. */
function lookedAt(view: View, part: Part): number {
  if (part.kind === 'gather') return part.index.length;
  // the innermost operand axis is gone through whole
  const [first, second] = [0, 1].map((axis) => covered(part.maps[part.axes.indexOf(axis)]!)) as [number, number];
  return first * second * view.shape[2];
}

/**
 * Counts the work. The circuit's shapes, views and counts have been checked, but whether parts of an operand overlap: that search is part of the work. All counts are exact: those of a circuit of 2^24
 * bytes stay below 2^53.
 */
export function workOf(circuit: Circuit): Work {
  const publicTensors = new Set([...circuit.inputs.keys(), ...circuit.outputs]);
  const work = { terms: 0, publicEntries: 0, axisEntries: 0, publicReads: 0, windowSteps: 0, weightPlanes: 0, coveredPositions: 0 };

  const countView = (view: View): void => {
    work.axisEntries += axes(view.shape);
    if (view.parts.length > 1) work.coveredPositions += size(view.shape);
    for (const part of view.parts) {
      const shape = shapeOf(circuit, part.tensor);
      work.axisEntries += part.kind === 'gather' ? size(view.shape) + size(shape) : axes(shape);
      if (publicTensors.has(part.tensor)) work.publicReads += size(shape);
      if (view.parts.length > 1) work.coveredPositions += lookedAt(view, part);
    }
  };
  const countTerm = (layer: LinearLayer, term: Term): void => {
    work.terms += 1;
    countView(term.operand);
    if (term.kind === 'multiple') return;
    const [, height, width] = layer.shape;
    const [rows, columns] = term.kernel;
    work.windowSteps += height * rows + width * columns;
    work.axisEntries += rows + columns;
    if (term.kind === 'convolution' && term.weights.kind === 'committed') work.weightPlanes += layer.shape[0] * rows * columns;
  };

  for (const tensor of publicTensors) work.publicEntries += size(shapeOf(circuit, tensor));
  for (const layer of circuit.layers) {
    work.axisEntries += axes(layer.shape);
    if (layer.kind === 'maximum') {
      countView(layer.a);
      countView(layer.b);
    } else for (const term of layer.terms) countTerm(layer, term);
  }
  return work;
}

/** Throws `CircuitRefusal` (rule 'limit') for a circuit that is too much work. */
export function checkWork(circuit: Circuit): void {
  const work = workOf(circuit);
  for (const [count, [limit, what]] of Object.entries(WORK_LIMITS)) {
    const total = work[count as keyof Work];
    if (total > limit) throw new CircuitRefusal('', 'limit', `${total} ${what}, at most ${limit} are allowed: cut the model into slices`);
  }
}
