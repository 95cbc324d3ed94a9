import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { checkCircuit } from '../../circuits/bounds/index.ts';
import { circuitCost } from '../../circuits/cost/cost.ts';
import { execute } from '../../circuits/execute/execute.ts';
import { shapeOf, size, type Circuit, type Layer } from '../../circuits/graph/circuit.ts';
import { circuitDigest } from '../../circuits/graph/encoding.ts';
import { chooseCuts, cutTensors } from '../../circuits/slice/cuts.ts';
import { slice, sliceWeights } from '../../circuits/slice/slice.ts';
import { clamp, CircuitDraft, wavy, type Sample } from '../support/circuit-draft.ts';
import { committedNet, featureNet } from '../support/circuits.ts';
import { randomCircuit } from '../support/random-circuits.ts';

const seeds = fc.integer({ min: 0, max: 2 ** 31 });
const narrow = (seed: number): Sample => randomCircuit(seed, { bottlenecks: true });

function readBy(layer: Layer): Set<number> {
  const views = layer.kind === 'maximum' ? [layer.a, layer.b] : layer.terms.map(({ operand }) => operand);
  return new Set(views.flatMap(({ parts }) => parts.map(({ tensor }) => tensor)));
}

/** The definition of a cut, tensor by tensor. */
function mayBeCut(circuit: Circuit, tensor: number): boolean {
  const index = tensor - circuit.inputs.length;
  if (index < 0 || circuit.layers[index]!.kind === 'accumulate') return false;
  const later = circuit.layers.slice(index + 1);
  const crossing = new Set(later.flatMap((layer) => [...readBy(layer)].filter((read) => read <= tensor)));
  return crossing.size === 1 && crossing.has(tensor) && later.some(({ kind }) => kind !== 'accumulate');
}

function subsets<T>(of: readonly T[], count: number): T[][] {
  if (count === 0) return [[]];
  return of.flatMap((first, k) => subsets(of.slice(k + 1), count - 1).map((rest) => [first, ...rest]));
}

/** Three layers in a row; the first two share a table. */
function chain(): Sample {
  const draft = new CircuitDraft(5);
  const x = draft.input([2, 4, 4], 3);
  const zeros = [0, 0];
  const a = draft.requantize('a', [2, 4, 4], 0, zeros, [draft.convolution(draft.whole(x), 2)], [4, 4], clamp);
  const b = draft.requantize('b', [2, 2, 2], 7, zeros, [draft.convolution(draft.whole(a), 2, { stride: [2, 2] })], [3, 4], clamp);
  const c = draft.requantize('c', [2, 4, 4], 0, zeros, [draft.convolution(draft.whole(b), 2, { pad: [2, 2] })], [2, 2], wavy);
  const out = draft.accumulate('out', [1, 1, 1], [1], [draft.convolution(draft.whole(c), 1, { kernel: [4, 4] })]);
  return draft.finish('chain', [out]);
}

describe('a circuit is cut where all data passes through one uint8 tensor', () => {
  test('in random circuits', () => {
    const found = new Set<number>();
    fc.assert(
      fc.property(seeds, (seed) => {
        const { circuit } = narrow(seed);
        const all = Array.from({ length: circuit.inputs.length + circuit.layers.length }, (_, tensor) => tensor);
        const cuts = cutTensors(circuit);
        expect(cuts).toEqual(all.filter((tensor) => mayBeCut(circuit, tensor)));
        found.add(cuts.length);
      }),
      { numRuns: 300, seed: 1 },
    );
    expect([...found].sort((a, b) => a - b)).toEqual(expect.arrayContaining([0, 1, 2, 3, 4]));
  });

  it.each([
    ['the input', 0],
    ['a tensor beside which another one is read later', 5],
    ['the last layer, after which no lookup follows', 20],
    ['no tensor at all', 99],
    ['half a tensor', 1.5],
  ])('not at %s', (_, tensor) => {
    expect(() => slice(featureNet().circuit, [tensor])).toThrow(/slice: no cut at tensor/);
  });

  it('not at a tensor behind which only sums follow', () => {
    const { circuit } = chain();
    expect(cutTensors(circuit)).toEqual([1, 2]);
    expect(() => slice(circuit, [3])).toThrow('layer c: slice: no cut at tensor 3');
  });

  it('in ascending order, once each', () => {
    const { circuit } = chain();
    expect(slice(circuit, [1, 2])).toHaveLength(3);
    expect(() => slice(circuit, [2, 1])).toThrow('cuts are ascending tensor numbers, not 2 before 1');
    expect(() => slice(circuit, [1, 1])).toThrow('cuts are ascending tensor numbers, not 1 before 1');
  });

  it('not where its weights are committed', () => {
    expect(() => slice(committedNet().circuit, [1])).toThrow('a circuit with committed weights is not cut');
  });
});

describe('slices', () => {
  test('are accepted circuits that compute, one after the other, what the whole computes', () => {
    let several = 0;
    fc.assert(
      fc.property(seeds, (seed) => {
        const { circuit, weights, inputs } = narrow(seed);
        const whole = execute(circuit, weights, inputs);
        const cuts = cutTensors(circuit);
        if (cuts.length > 1) several += 1;
        const slices = slice(circuit, cuts);
        expect(slices.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, k) => from + k))).toEqual([...circuit.layers.keys()]);
        slices.forEach((piece) => {
          const own = sliceWeights(weights, piece);
          expect(() => checkCircuit(piece.circuit, own)).not.toThrow();
          const read = piece.inputs.map((tensor) => whole.tensors[tensor] as Uint8Array);
          expect(execute(piece.circuit, own, read).outputs).toEqual(piece.outputs.map((tensor) => whole.tensors[tensor]));
        });
        expect(new Set(slices.flatMap(({ outputs }) => outputs))).toEqual(new Set([...circuit.outputs, ...cuts]));
      }),
      { numRuns: 100, seed: 2 },
    );
    expect(several).toBeGreaterThan(20);
  });

  test('keep what inputs and outputs mean, and only the tables they use', () => {
    const { circuit, weights } = chain();
    const [first, second, third] = slice(circuit, [1, 2]);
    expect(first).toMatchObject({ from: 0, to: 1, inputs: [0], outputs: [1], convolutions: [0, 1] });
    expect(second).toMatchObject({ from: 1, to: 2, inputs: [1], outputs: [2], convolutions: [1, 2] });
    expect(third).toMatchObject({ from: 2, to: 4, inputs: [2], outputs: [4], convolutions: [2, 4] });
    expect(first!.circuit.tables).toEqual([circuit.tables[0]]);
    expect(third!.circuit.tables).toEqual([circuit.tables[1]]);
    expect(first!.circuit.meaning.inputs).toEqual(circuit.meaning.inputs);
    expect(third!.circuit.meaning.outputs).toEqual(circuit.meaning.outputs);
    expect(second!.circuit.meaning.outputs).toEqual(third!.circuit.meaning.inputs);
    expect(second!.circuit.meaning.outputs).toEqual([{ name: 'b', dims: [1, 2, 2, 2], scale: 1, zero: 7, note: '', labels: [] }]);
    expect(sliceWeights(weights, third!)).toEqual(weights.slice(2));
  });

  test('are the same every time; without cuts, the slice is the circuit', () => {
    const digests = (cuts: number[]) => slice(chain().circuit, cuts).map(({ circuit }) => circuitDigest(circuit));
    expect(digests([1, 2])).toEqual(digests([1, 2]));
    expect(digests([])).toEqual([circuitDigest(chain().circuit)]);
  });
});

/** Largest cost and crossing values of the slices that cuts make. */
function quality(circuit: Circuit, cuts: readonly number[]): [cost: number, crossing: number] {
  const costs = slice(circuit, cuts).map((piece) => circuitCost(piece.circuit).picoseconds);
  return [Math.max(...costs), cuts.reduce((sum, tensor) => sum + size(shapeOf(circuit, tensor)), 0)];
}

describe('the chosen cuts', () => {
  test('have the smallest largest cost of all, and of those the fewest crossing values', () => {
    let compared = 0;
    let ties = 0;
    fc.assert(
      fc.property(seeds, (seed) => {
        const { circuit } = narrow(seed);
        const possible = Array.from({ length: circuit.layers.length }, (_, k) => circuit.inputs.length + k).filter((t) =>
          mayBeCut(circuit, t),
        );
        for (let count = 1; count <= possible.length + 1; count++) {
          const all = subsets(possible, count - 1).map((cuts) => quality(circuit, cuts));
          const [best] = all.sort(([a, x], [b, y]) => a - b || x - y);
          expect(quality(circuit, chooseCuts(circuit, count))).toEqual(best);
          if (all.length > 1) compared += 1;
          if (all.some(([cost, crossing]) => cost === best![0] && crossing > best![1])) ties += 1;
        }
        expect(() => chooseCuts(circuit, possible.length + 2)).toThrow(`cannot be cut into ${possible.length + 2} slices`);
      }),
      { numRuns: 150, seed: 3 },
    );
    expect(compared).toBeGreaterThan(100);
    expect(ties).toBeGreaterThan(10);
  });

  it('are of a positive number of slices', () => {
    expect(chooseCuts(chain().circuit, 1)).toEqual([]);
    expect(() => chooseCuts(chain().circuit, 0)).toThrow('1 slice or more, not 0');
    expect(() => chooseCuts(chain().circuit, 1.5)).toThrow('1 slice or more, not 1.5');
  });

  it('leave room for the crossing tensor among eight outputs', () => {
    const draft = new CircuitDraft(9);
    let x = draft.input([1, 4, 4], 0);
    const made: number[] = [];
    for (let n = 0; n < 11; n++) {
      x = draft.requantize(`layer ${n}`, [1, 4, 4], 0, [0], [draft.multiple(draft.whole(x), [3])], [n < 9 ? 2 : 14], clamp);
      made.push(x);
    }
    const { circuit } = draft.finish('many outputs', made.slice(0, 8));
    expect(cutTensors(circuit)).toEqual(made.slice(0, 10));
    expect(() => slice(circuit, [made[8]!])).toThrow('slice: the layers 0 to 8 have 9 outputs, at most 8 are allowed');
    expect(chooseCuts(circuit, 2)).toEqual([made[7]]);
    const fewer = { ...circuit, outputs: made.slice(1, 8), meaning: { ...circuit.meaning, outputs: circuit.meaning.outputs.slice(1) } };
    expect(chooseCuts(fewer, 2)).toEqual([made[8]]);
  });
});
