import { describe, expect, it } from 'vitest';
import { circuitCost, work } from '../../circuits/cost/cost.ts';
import { convolutions, weightCount, type Circuit } from '../../circuits/graph/circuit.ts';
import { tableRows, vectorLengths } from '../../circuits/graph/lengths.ts';
import { clamp, CircuitDraft } from '../support/circuit-draft.ts';
import { committedNet, featureNet, smallNets } from '../support/circuits.ts';
import { randomCircuit } from '../support/random-circuits.ts';

/** One convolution of so many output channels on 8 x 8 pixels. */
function layerOf(channels: number, outputs: 'committed' | 'public' = 'committed'): Circuit {
  const draft = new CircuitDraft(1);
  const x = draft.input([3, 8, 8], 0);
  const term = draft.convolution(draft.whole(x), channels, { kernel: [3, 3], pad: [1, 1] });
  const zeros = new Array<number>(channels).fill(0);
  const y = draft.requantize('y', [channels, 8, 8], 0, zeros, [term], zeros.fill(7), clamp);
  const sum = draft.accumulate('sum', [1, 1, 1], [0], [draft.convolution(draft.whole(y), 1, { kernel: [8, 8] })]);
  return draft.finish('one layer', outputs === 'public' ? [y, sum] : [sum]).circuit;
}

describe('the cost of a circuit', () => {
  it.each([...smallNets(), ...Array.from({ length: 40 }, (_, seed) => randomCircuit(seed))].map((s) => [s.name, s.circuit] as const))(
    'counts what the proof system counts: %s',
    (_, circuit) => {
      const { layers, tables, fixed, picoseconds } = circuitCost(circuit);
      const { witness, validLeaves } = vectorLengths(circuit);
      const total = (of: (layer: (typeof layers)[number]) => number): number => layers.reduce((sum, layer) => sum + of(layer), 0);
      expect(tables.rows).toBe(tableRows(circuit));
      expect(total(({ values }) => values) + tables.rows).toBe(witness);
      expect(total(({ lookups }) => lookups) + tables.rows).toBe(validLeaves);
      expect(total(({ weights }) => weights)).toBe(
        convolutions(circuit).reduce((sum, { layer, term }) => sum + weightCount(layer.shape[0], term), 0),
      );
      expect(total((layer) => layer.picoseconds) + tables.picoseconds + fixed).toBe(picoseconds);
      expect(Number.isSafeInteger(picoseconds)).toBe(true);
      expect(work(circuit)).toBe(Math.ceil(picoseconds / 1000));
    },
  );

  it('counts multiplications', () => {
    expect(circuitCost(layerOf(5)).layers.map(({ multiplications }) => multiplications)).toEqual([5 * 64 * 27, 5 * 64]);
    expect(circuitCost(featureNet().circuit).layers.find(({ name }) => name === 'average')!.multiplications).toBe(7 * 6);
  });

  it('grows with the layers, and is smaller where an output is public', () => {
    expect(work(layerOf(6))).toBeGreaterThan(work(layerOf(5)));
    expect(work(layerOf(5, 'public'))).toBeLessThan(work(layerOf(5)));
  });

  it('is higher where weights are committed', () => {
    const { circuit } = committedNet();
    const publicTerms = (layer: Circuit['layers'][number]): Circuit['layers'][number] =>
      layer.kind === 'maximum'
        ? layer
        : {
            ...layer,
            terms: layer.terms.map((term) =>
              term.kind === 'convolution' ? { ...term, weights: { kind: 'public' as const, hash: new Uint8Array(32) } } : term,
            ),
          };
    expect(work({ ...circuit, layers: circuit.layers.map(publicTerms), weightRoot: null })).toBeLessThan(work(circuit));
  });
});
