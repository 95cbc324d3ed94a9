import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { execute } from '../../circuits/execute/execute.ts';
import { wholeTensor, type Circuit } from '../../circuits/graph/circuit.ts';
import { clamp, CircuitDraft, type Sample } from '../support/circuit-draft.ts';
import { smallNets } from '../support/circuits.ts';
import { randomCircuit } from '../support/random-circuits.ts';
import { defined } from './definition.ts';

function expectDefined({ circuit, weights, inputs }: Sample): void {
  const { tensors, accumulators, quotients, outputs } = execute(circuit, weights, inputs);
  const plain = (arrays: readonly (ArrayLike<number> | null)[]) => arrays.map((array) => array && Array.from(array));
  expect({ tensors: plain(tensors), accumulators: plain(accumulators), quotients: plain(quotients) }).toEqual(
    defined(circuit, weights, inputs),
  );
  expect(outputs).toEqual(circuit.outputs.map((tensor) => tensors[tensor]));
}

describe('an execution gives the integers that the circuit defines', () => {
  it.each(smallNets().map((sample) => [sample.name, sample] as const))('%s', (_, sample) => expectDefined(sample));

  test('random circuits', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 }), (seed) => expectDefined(randomCircuit(seed))),
      { numRuns: 200, seed: 1 },
    );
  });
});

/** One pixel x with zero point 3, `y = clamp(floor((bias + 2 (x - 3) + 2) / 4))`. */
function quarter(bias: number): Circuit {
  const draft = new CircuitDraft(0);
  const x = draft.input([1, 1, 1], 3);
  const y = draft.requantize('y', [1, 1, 1], 0, [bias], [draft.multiple(draft.whole(x), [2])], [2], clamp);
  return draft.finish('quarter', [y]).circuit;
}

describe('a quotient', () => {
  it.each([
    [3, 0, 0, 0],
    [4, 2, 1, 1], // half is rounded up
    [9, 12, 3, 3],
    [0, -6, -1, 0], // -1.5 to -1
    [1, -4, -1, 0],
    [255, 504, 126, 126],
  ])('of input %i is floor((%i + 2) / 4) = %i, the output %i', (x, accumulator, quotient, y) => {
    const run = execute(quarter(0), [], [Uint8Array.of(x)]);
    expect(run.accumulators).toEqual([Int32Array.of(accumulator)]);
    expect(run.quotients).toEqual([Int32Array.of(quotient)]);
    expect(run.outputs).toEqual([Uint8Array.of(y)]);
  });

  it('outside of its table is an error that names the layer', () => {
    const circuit = quarter(0);
    const table = circuit.tables[0]!;
    const cut = { ...circuit, tables: [{ ...table, values: table.values.slice(0, -1) }] };
    expect(() => execute(cut, [], [Uint8Array.of(255)])).toThrow(/layer y: quotient 126 is not in its table, -1 to 125/);
  });
});

describe('what does not fit the circuit is an error', () => {
  const draft = new CircuitDraft(0);
  const x = draft.input([2, 3, 4], 0);
  const y = draft.requantize('y', [1, 3, 4], 0, [0], [draft.convolution(draft.whole(x), 1)], [4], clamp);
  const { circuit, weights, inputs } = draft.finish('small', [y]);

  it.each([
    ['no input', [], 'expected 1 input tensors, got 0'],
    ['a short input', [new Uint8Array(23)], 'input 0: expected 24 bytes (2 x 3 x 4), got 23'],
    ['a second input', [...inputs, ...inputs], 'expected 1 input tensors, got 2'],
  ])('%s', (_, wrong, message) => {
    expect(() => execute(circuit, weights, wrong)).toThrow(message);
  });

  it('missing or cut weights', () => {
    expect(() => execute(circuit, [], inputs)).toThrow('expected 1 weight tensors, got 0');
    expect(() => execute(circuit, [new Int8Array(3)], inputs)).toThrow('layer y: expected 2 weights, got 3');
  });

  it('an accumulator that leaves int32', () => {
    const bias = Int32Array.of(2 ** 31 - 1);
    const over: Circuit = {
      ...circuit,
      layers: [
        {
          kind: 'accumulate',
          name: 'sum',
          shape: [1, 1, 1],
          bias,
          terms: [{ kind: 'multiple', operand: wholeTensor(0, [1, 1, 1]), multiplier: Int32Array.of(1) }],
        },
      ],
      inputs: [{ shape: [1, 1, 1], zero: 0 }],
    };
    expect(execute(over, [], [Uint8Array.of(0)]).outputs).toEqual([bias]);
    expect(() => execute(over, [], [Uint8Array.of(1)])).toThrow('layer sum: accumulator 2147483648 leaves int32');
  });
});
