/** Between real numbers and the integers of a circuit's inputs and outputs. Source: the integer model, "Digest" (what the integers mean). */
import type { Circuit } from '../graph/circuit.ts';
import { byteOf } from './quantizer.ts';

/**
 * The bytes of input k of a circuit: the nearest for each real value, ties up, saturating. `values`: C-order of the ONNX tensor. Throws `RangeError` where
 * there is no such input, the number of elements is not the input's, or a value is not a number.
 * @example execute(circuit, weights, [quantizeInput(circuit, 0, pixels)])
 */
export function quantizeInput(circuit: Circuit, k: number, values: ArrayLike<number>): Uint8Array {
  const meaning = circuit.meaning.inputs[k];
  if (!meaning) throw new RangeError(`there is no input ${k}; the circuit has ${circuit.meaning.inputs.length}`);
  const expected = meaning.dims.reduce((a, b) => a * b, 1);
  if (values.length !== expected)
    throw new RangeError(`input ${meaning.name}: ${values.length} values, ${meaning.dims.join(' x ')} = ${expected} are expected`);
  return Uint8Array.from(values, (v, n) => {
    if (Number.isNaN(v)) throw new RangeError(`input ${meaning.name}: element ${n} is not a number`);
    return byteOf(v, meaning);
  });
}

/** The real numbers that a circuit's outputs stand for, in the order of its outputs; C-order of the ONNX tensors. */
export function realOutputs(circuit: Circuit, outputs: readonly ArrayLike<number>[]): Float32Array[] {
  if (outputs.length !== circuit.outputs.length)
    throw new RangeError(`${outputs.length} outputs are given, the circuit has ${circuit.outputs.length}`);
  return outputs.map((integers, k) => {
    const { scale, zero } = circuit.meaning.outputs[k]!;
    return Float32Array.from(integers, (v) => scale * (v - zero));
  });
}
