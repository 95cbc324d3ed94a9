/**
 * An execution as data: what a prover commits to and looks up. The honest one comes from the integer model; a cheating prover is a
 * tampered one.
 */
import {
  roundingOffset,
  shapeOf,
  zeroOf,
  type Circuit,
  type LinearLayer,
  type Term,
  type View,
  type Weights,
} from '../../../circuits/graph/circuit.ts';

/** Everything of an execution that a proof is made from. Integers of any size: a cheat may be out of range. */
export interface Witness {
  /** By tensor number: inputs, then layers (accumulators of int32 outputs too), C-order. */
  readonly tensors: readonly number[][];
  /** By layer index; null where the layer is no requantize layer. */
  readonly quotients: readonly (number[] | null)[];
  readonly remainders: readonly (number[] | null)[];
  /** By lookup table (layout order) and row; null: counted from the lookups. */
  readonly multiplicities?: readonly number[][];
  /** Value of a witness entry that no slot covers validly, by its index; 0 if not given. */
  readonly padding?: (index: number) => number;
}

/** Changes what a layer made before the next layer reads it. */
export type Tamper = (layerIndex: number, made: { tensor: number[]; quotients: number[] | null; remainders: number[] | null }) => void;

/** What an operation reads, C-order: x - z if `centred` (0 where uncovered), else x (0 where uncovered). */
export function readView(circuit: Circuit, view: View, tensors: readonly number[][], centred: boolean): number[] {
  const [channels, height, width] = view.shape;
  const out = new Array<number>(channels * height * width).fill(0);
  for (const part of view.parts) {
    const tensor = tensors[part.tensor]!;
    const zero = centred ? zeroOf(circuit, part.tensor) : 0;
    const [, rows, columns] = shapeOf(circuit, part.tensor);
    for (let position = 0; position < out.length; position++) {
      let source = -1;
      if (part.kind === 'gather') {
        source = part.index[position]!;
      } else {
        const operand = [Math.floor(position / (height * width)), Math.floor(position / width) % height, position % width];
        const [t0, t1, t2] = part.maps.map((map, a) => map[operand[part.axes[a]!]!]!) as [number, number, number];
        if (t0 >= 0 && t1 >= 0 && t2 >= 0) source = (t0 * rows + t1) * columns + t2;
      }
      if (source >= 0) out[position] = tensor[source]! - zero;
    }
  }
  return out;
}

/** One term of an accumulator at one position. */
function termAt(
  term: Term,
  operand: readonly number[],
  weights: Int8Array | null,
  outputs: number,
  at: readonly [number, number, number],
): number {
  const [c, i, j] = at;
  const [channels, height, width] = term.operand.shape;
  if (term.kind === 'multiple') return term.multiplier[c]! * operand[(c * height + i) * width + j]!;
  const [rowTaps, columnTaps] = term.kernel;
  const [rowStep, columnStep] = term.kind === 'convolution' ? term.dilation : [1, 1];
  const inside = term.kind === 'convolution' ? channels / term.groups : 1;
  const first = term.kind === 'convolution' ? Math.floor(c / (outputs / term.groups)) * inside : c;
  let sum = 0;
  for (let k = 0; k < inside; k++) {
    for (let u = 0; u < rowTaps; u++) {
      for (let v = 0; v < columnTaps; v++) {
        const y = i * term.stride[0] + u * rowStep - term.pad[0];
        const x = j * term.stride[1] + v * columnStep - term.pad[1];
        if (y < 0 || y >= height || x < 0 || x >= width) continue;
        const weight = weights === null ? 1 : weights[((c * inside + k) * rowTaps + u) * columnTaps + v]!;
        sum += weight * operand[((first + k) * height + y) * width + x]!;
      }
    }
  }
  return term.kind === 'window-sum' ? term.multiplier[c]! * term.rowFactor[i]! * term.columnFactor[j]! * sum : sum;
}

function accumulate(circuit: Circuit, layer: LinearLayer, weights: readonly Int8Array[], tensors: readonly number[][]): number[] {
  const [channels, height, width] = layer.shape;
  const operands = layer.terms.map((term) => readView(circuit, term.operand, tensors, true));
  let next = 0;
  const own = layer.terms.map((term) => (term.kind === 'convolution' ? weights[next++]! : null));
  const out: number[] = [];
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < height; i++) {
      for (let j = 0; j < width; j++) {
        const bias = layer.bias[layer.bias.length === channels ? c : (c * height + i) * width + j]!;
        out.push(layer.terms.reduce((sum, term, n) => sum + termAt(term, operands[n]!, own[n]!, channels, [c, i, j]), bias));
      }
    }
  }
  return out;
}

/** Runs a circuit, calling `tamper` after each layer. Quotients outside their table give `y` from the nearest row. */
export function plainWitness(circuit: Circuit, weights: Weights, inputs: readonly ArrayLike<number>[], tamper?: Tamper): Witness {
  const tensors = inputs.map((input) => Array.from(input));
  const quotients: (number[] | null)[] = [];
  const remainders: (number[] | null)[] = [];
  let nextWeights = 0;
  circuit.layers.forEach((layer, layerIndex) => {
    let tensor: number[];
    let q: number[] | null = null;
    let r: number[] | null = null;
    if (layer.kind === 'maximum') {
      const b = readView(circuit, layer.b, tensors, false);
      tensor = readView(circuit, layer.a, tensors, false).map((x, n) => Math.max(x, b[n]!));
    } else {
      const count = layer.terms.filter((term) => term.kind === 'convolution').length;
      const accumulators = accumulate(circuit, layer, weights.slice(nextWeights, nextWeights + count), tensors);
      nextWeights += count;
      if (layer.kind === 'accumulate') {
        tensor = accumulators;
      } else {
        const { first, values } = circuit.tables[layer.table]!;
        const plane = layer.shape[1] * layer.shape[2];
        const shifted = accumulators.map((acc, n) => {
          const s = layer.shift[Math.floor(n / plane)]!;
          const quotient = Math.floor((acc + roundingOffset(s)) / 2 ** s);
          return { quotient, remainder: acc + roundingOffset(s) - quotient * 2 ** s };
        });
        q = shifted.map(({ quotient }) => quotient);
        r = shifted.map(({ remainder }) => remainder);
        tensor = q.map((quotient) => values[Math.min(values.length - 1, Math.max(0, quotient - first))]!);
      }
    }
    tamper?.(layerIndex, { tensor, quotients: q, remainders: r });
    tensors.push(tensor);
    quotients.push(q);
    remainders.push(r);
  });
  return { tensors, quotients, remainders };
}
