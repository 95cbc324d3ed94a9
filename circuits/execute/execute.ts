/**
 * The plain executor: what a circuit means, as obviously as can be. Everything faster (ONNX Runtime on the exported model, the kernels' forward
 * pass) is compared with it, integer by integer. Source: the integer model, "Layers".
 */
import {
  convolutions,
  roundingOffset,
  size,
  weightCount,
  type Circuit,
  type LinearLayer,
  type Requantize,
  type Weights,
} from '../graph/circuit.ts';
import { accumulate } from './accumulate.ts';
import { readView } from './view.ts';

export { accumulate } from './accumulate.ts';
export { readView } from './view.ts';

/** All integers of one run. Everything is in C-order. */
export interface Execution {
  /** By tensor number: inputs and outputs of layers as bytes, int32 outputs as accumulators. */
  readonly tensors: readonly (Uint8Array | Int32Array)[];
  /** By layer: `bias + sum of terms`; null for a maximum. */
  readonly accumulators: readonly (Int32Array | null)[];
  /** By layer: `floor((acc + h) / 2^s)` of a requantize layer, else null. */
  readonly quotients: readonly (Int32Array | null)[];
  /** By output of the circuit. */
  readonly outputs: readonly (Uint8Array | Int32Array)[];
}

/** Throws `RangeError` unless there are as many inputs as the circuit has, each of its shape's size. */
function checkInputs(circuit: Circuit, inputs: readonly Uint8Array[]): void {
  if (inputs.length !== circuit.inputs.length)
    throw new RangeError(`expected ${circuit.inputs.length} input tensors, got ${inputs.length}`);
  circuit.inputs.forEach(({ shape }, k) => {
    if (inputs[k]!.length !== size(shape))
      throw new RangeError(`input ${k}: expected ${size(shape)} bytes (${shape.join(' x ')}), got ${inputs[k]!.length}`);
  });
}

/** Throws `RangeError` unless there is one array of the right length per convolution. */
export function checkWeights(circuit: Circuit, weights: Weights): void {
  const sites = convolutions(circuit);
  if (weights.length !== sites.length) throw new RangeError(`expected ${sites.length} weight tensors, got ${weights.length}`);
  sites.forEach(({ layer, term }, k) => {
    const expected = weightCount(layer.shape[0], term);
    if (weights[k]!.length !== expected)
      throw new RangeError(`layer ${layer.name}: expected ${expected} weights, got ${weights[k]!.length}`);
  });
}

/** Quotients of an accumulator, by the shift of each channel. */
export function quotients(layer: Requantize, accumulator: Int32Array): Int32Array {
  const plane = layer.shape[1] * layer.shape[2];
  return accumulator.map((acc, n) => {
    const s = layer.shift[Math.floor(n / plane)]!;
    return Math.floor((acc + roundingOffset(s)) / 2 ** s);
  });
}

/** The table's value of each quotient. */
function lookUp(circuit: Circuit, layer: Requantize, quotient: Int32Array): Uint8Array {
  const { first, values } = circuit.tables[layer.table]!;
  const out = new Uint8Array(quotient.length);
  quotient.forEach((q, n) => {
    const value = values[q - first];
    if (value === undefined)
      throw new RangeError(`layer ${layer.name}: quotient ${q} is not in its table, ${first} to ${first + values.length - 1}`);
    out[n] = value;
  });
  return out;
}

/**
 * Runs a circuit that `checkCircuit` accepts. `inputs`: one per input of the circuit, C-order. Throws `RangeError` where inputs or weights do not have the
 * circuit's sizes, and where a number leaves its range, which no accepted circuit lets happen.
 * @example const { outputs } = execute(circuit, weights, [picture])
 */
export function execute(circuit: Circuit, weights: Weights, inputs: readonly Uint8Array[]): Execution {
  checkInputs(circuit, inputs);
  checkWeights(circuit, weights);
  const tensors: (Uint8Array | Int32Array)[] = [...inputs];
  const accumulators: (Int32Array | null)[] = [];
  const allQuotients: (Int32Array | null)[] = [];
  let nextWeights = 0;
  const accumulatorOf = (layer: LinearLayer): Int32Array => {
    const count = layer.terms.filter((term) => term.kind === 'convolution').length;
    const own = weights.slice(nextWeights, nextWeights + count);
    nextWeights += count;
    return accumulate(circuit, layer, own, tensors);
  };
  for (const layer of circuit.layers) {
    if (layer.kind === 'maximum') {
      const b = readView(circuit, layer.b, tensors, false);
      tensors.push(new Uint8Array(readView(circuit, layer.a, tensors, false).map((x, n) => Math.max(x, b[n]!))));
      accumulators.push(null);
      allQuotients.push(null);
      continue;
    }
    const accumulator = accumulatorOf(layer);
    const quotient = layer.kind === 'requantize' ? quotients(layer, accumulator) : null;
    tensors.push(layer.kind === 'requantize' ? lookUp(circuit, layer, quotient!) : accumulator);
    accumulators.push(accumulator);
    allQuotients.push(quotient);
  }
  return { tensors, accumulators, quotients: allQuotients, outputs: circuit.outputs.map((tensor) => tensors[tensor]!) };
}
