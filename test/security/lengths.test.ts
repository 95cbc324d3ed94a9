/** The lengths of a proof's vectors: counted before anything is laid out, as everybody lays it out, up to what can be committed to. */
import { describe, expect, test } from 'vitest';
import { wholeTensor, type Circuit, type Convolution, type Layer, type Shape } from '../../circuits/graph/circuit.ts';
import { checkLengths, MAX_LEAVES, MAX_VECTOR_LENGTH, vectorLengths } from '../../circuits/graph/lengths.ts';
import * as parameters from '../../wasm/parameters.ts';
import { deriveLayout, weightLayout } from '../../wasm/reference/layout.ts';
import { layoutOf } from '../../wasm/statement/layout.ts';
import { smallNets } from '../support/circuits.ts';
import { randomCircuit } from '../support/random-circuits.ts';

test('are those of the layouts of both verifiers', () => {
  for (const { name, circuit } of [...smallNets(), ...Array.from({ length: 40 }, (_, seed) => randomCircuit(seed))]) {
    const fast = layoutOf(circuit);
    const reference = deriveLayout(circuit);
    const lengths = { witness: fast.witnessLength, leaves: fast.leafLength, validLeaves: fast.validLeaves, weights: fast.weightLength };
    expect(vectorLengths(circuit), name).toEqual(lengths);
    const weights = circuit.weightRoot ? weightLayout(circuit).length : 0;
    expect({ witness: reference.witness.length, leaves: reference.leaves.length, validLeaves: reference.leaves.valid, weights }).toEqual(
      lengths,
    );
  }
});

test('have the limits of the parameter set', () => {
  expect([MAX_VECTOR_LENGTH, MAX_LEAVES]).toEqual([parameters.MAX_VECTOR_LENGTH, parameters.MAX_LEAVES]);
});

/** A layer of this shape that reads nothing, with one table of so many rows; shown, or read by an int32 output. */
function circuitOf(shape: Shape, shift: number, rows: number, shown: boolean): Circuit {
  const y: Layer = {
    kind: 'requantize',
    name: 'y',
    shape,
    zero: 0,
    bias: new Int32Array(shape[0]),
    terms: [],
    shift: new Uint8Array(shape[0]).fill(shift),
    table: 0,
  };
  const out: Layer = { kind: 'accumulate', name: 'out', shape: [1, 1, 1], bias: Int32Array.of(0), terms: [] };
  return {
    inputs: [{ shape: [1, 1, 1], zero: 0 }],
    layers: [y, out],
    outputs: shown ? [1, 2] : [2],
    tables: [{ first: 0, values: new Uint8Array(rows) }],
    weightRoot: null,
    meaning: { inputs: [], outputs: [] },
  };
}

describe('a circuit may have', () => {
  const MEBI: Shape = [1, 2 ** 10, 2 ** 10];
  const times = (n: number): Shape => [n, MEBI[1], MEBI[2]];

  test('37,748,736 committed values, no more', () => {
    // values and remainders of 17 planes, and 2^21 table rows, two of them of the remainders
    const rows = 2 ** 21 - 2;
    expect(vectorLengths(circuitOf(times(17), 1, rows, false)).witness).toBe(MAX_VECTOR_LENGTH);
    expect(() => checkLengths(circuitOf(times(17), 1, rows, false))).not.toThrow();
    expect(() => checkLengths(circuitOf(times(17), 1, rows + 1, false))).toThrow('limit: 37748737 committed values');
  });

  test('2^26 lookups and table rows, no more', () => {
    expect(vectorLengths(circuitOf(times(63), 0, 2 ** 20, true)).validLeaves).toBe(MAX_LEAVES);
    expect(() => checkLengths(circuitOf(times(63), 0, 2 ** 20, true))).not.toThrow();
    expect(() => checkLengths(circuitOf(times(63), 0, 2 ** 20 + 1, true))).toThrow('limit: 67108865 lookups');
  });

  test('2^27 leaves with what planes are padded with, no more', () => {
    const side = 2 ** 10 + 1;
    const of = (planes: number): Circuit => circuitOf([planes, side, side], 0, 2 ** 22, true);
    expect(vectorLengths(of(31)).leaves).toBe(2 * MAX_LEAVES);
    expect(() => checkLengths(of(31))).not.toThrow();
    expect(vectorLengths(of(32)).validLeaves).toBeLessThan(MAX_LEAVES);
    expect(() => checkLengths(of(32))).toThrow('limit: 138412032 leaves with padding, at most 134217728 are allowed');
  });

  test('37,748,736 committed weights, with what rows are padded with, no more', () => {
    const of = (outputs: number): Circuit => {
      // 513 weights a row, which take 1,024 entries
      const term: Convolution = {
        kind: 'convolution',
        operand: wholeTensor(0, [513, 1, 1]),
        kernel: [2, 1],
        stride: [1, 1],
        pad: [0, 0],
        dilation: [1, 1],
        groups: 1,
        weights: { kind: 'committed', squares: new Array<number>(outputs).fill(0) },
      };
      const circuit = circuitOf([outputs, 1, 1], 0, 1, true);
      const [y, out] = circuit.layers as [Extract<Layer, { kind: 'requantize' }>, Layer];
      return { ...circuit, layers: [{ ...y, terms: [term] }, out], weightRoot: new Uint8Array(32) };
    };
    const most = MAX_VECTOR_LENGTH / 2048;
    expect(vectorLengths(of(most)).weights).toBe(MAX_VECTOR_LENGTH);
    expect(() => checkLengths(of(most))).not.toThrow();
    expect(() => checkLengths(of(most + 1))).toThrow('limit: 37750784 committed weights');
  });
});
