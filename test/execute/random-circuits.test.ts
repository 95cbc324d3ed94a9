import { expect, test } from 'vitest';
import { checkCircuit } from '../../circuits/bounds/index.ts';
import { encodeCircuit } from '../../circuits/graph/encoding.ts';
import { features, randomCircuit } from '../support/random-circuits.ts';

test('random circuits are accepted, and together have everything that a circuit can have', () => {
  const found = new Set<string>();
  for (let seed = 0; seed < 200; seed++) {
    const { circuit, weights } = randomCircuit(seed);
    expect(() => checkCircuit(circuit, weights), `seed ${seed}`).not.toThrow();
    for (const feature of features(circuit)) found.add(feature);
  }
  const everything =
    'requantize maximum accumulate convolution multiple window-sum whole transposed gather depthwise groups stride dilation padding'.split(
      ' ',
    );
  for (const feature of [
    ...everything,
    'several parts',
    'several tensors',
    'bias per position',
    'shared table',
    'no remainder',
    'two limbs',
    'shift above 20',
    'negative padding',
    'matrix product',
  ]) {
    expect(found).toContain(feature);
  }
});

test('the same seed gives the same circuit', () => {
  expect(encodeCircuit(randomCircuit(7).circuit)).toEqual(encodeCircuit(randomCircuit(7).circuit));
});
