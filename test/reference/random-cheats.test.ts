/** Cheats in random circuits: any value of any layer that is not what the layer computes is refused by both verifiers, whatever the layer reads and however it is laid out. */
import { expect, test } from 'vitest';
import { plainWitness, type Tamper } from '../support/plain-prover/execution.ts';
import { statementOf } from '../support/plain-prover/prove.ts';
import { seededGenerator } from '../support/random.ts';
import { randomCircuit } from '../support/random-circuits.ts';
import { CONTEXT, expectAccepted, expectRefused, prove } from './proofs.ts';

const random = seededGenerator(21);
const below = (n: number): number => Math.floor(random() * n);

/** What a prover may try at position n of a layer, in the name of what is changed. */
const CHEATS: Record<string, (made: Parameters<Tamper>[1], n: number, unit: number) => void> = {
  'a value + 1': ({ tensor }, n) => {
    tensor[n]! += 1;
  },
  'a value - 1': ({ tensor }, n) => {
    tensor[n]! -= 1;
  },
  'a quotient + 1, its remainder - 2^s': ({ quotients, remainders }, n, unit) => {
    quotients![n]! += 1;
    remainders![n]! -= unit;
  },
  'a quotient - 1, its remainder + 2^s': ({ quotients, remainders }, n, unit) => {
    quotients![n]! -= 1;
    remainders![n]! += unit;
  },
  'a remainder + 1': ({ remainders }, n) => {
    remainders![n]! += 1;
  },
};

test.each([2, 3, 5, 13])('in random circuit %i', (seed) => {
  const { circuit, weights, inputs } = randomCircuit(seed);
  expectAccepted(circuit, weights, prove(circuit, weights, plainWitness(circuit, weights, inputs)));
  let tried = 0;
  circuit.layers.forEach((layer, index) => {
    const names = Object.keys(CHEATS).slice(0, layer.kind === 'requantize' ? 5 : 2);
    const name = names[below(names.length)]!;
    const witness = plainWitness(circuit, weights, inputs, (layerIndex, made) => {
      if (layerIndex !== index) return;
      const n = below(made.tensor.length);
      const shift = layer.kind === 'requantize' ? layer.shift[Math.floor(n / (layer.shape[1] * layer.shape[2]))]! : 0;
      CHEATS[name]!(made, n, 2 ** shift);
    });
    // a public byte cannot even be 256 or -1
    const shown = circuit.outputs.every((tensor) => {
      const isByte = circuit.layers[tensor - circuit.inputs.length]!.kind !== 'accumulate';
      return !isByte || witness.tensors[tensor]!.every((v) => v >= 0 && v <= 255);
    });
    if (!shown) return;
    const { proof } = prove(circuit, weights, witness);
    expectRefused(circuit, weights, { statement: statementOf(circuit, witness, CONTEXT), proof }, `${layer.name}: ${name}`);
    tried++;
  });
  expect(tried).toBeGreaterThan(0);
});
