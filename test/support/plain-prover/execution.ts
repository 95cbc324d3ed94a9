/**
 * An execution as data: what a prover commits to and looks up. The honest one comes from the integer model; a cheating prover is a
 * tampered one.
 */
import { accumulate, quotients as quotientsOf, readView } from '../../../circuits/execute/execute.ts';
import { roundingOffset, type Circuit, type Weights } from '../../../circuits/graph/circuit.ts';

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
      tensor = Array.from(readView(circuit, layer.a, tensors, false), (x, n) => Math.max(x, b[n]!));
    } else {
      const count = layer.terms.filter((term) => term.kind === 'convolution').length;
      const accumulators = accumulate(circuit, layer, weights.slice(nextWeights, nextWeights + count), tensors);
      nextWeights += count;
      tensor = Array.from(accumulators);
      if (layer.kind === 'requantize') {
        const { first, values } = circuit.tables[layer.table]!;
        const plane = layer.shape[1] * layer.shape[2];
        q = Array.from(quotientsOf(layer, accumulators));
        r = q.map((quotient, n) => {
          const s = layer.shift[Math.floor(n / plane)]!;
          return accumulators[n]! + roundingOffset(s) - quotient * 2 ** s;
        });
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
