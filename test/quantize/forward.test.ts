/** The compiler's forward pass gives the plain executor's integers. */
import { expect, test } from 'vitest';
import { execute } from '../../circuits/execute/execute.ts';
import { runFast } from '../../circuits/quantize/forward.ts';
import { CircuitDraft, clamp } from '../support/circuit-draft.ts';
import { smallNets, wideNet } from '../support/circuits.ts';
import { randomCircuit } from '../support/random-circuits.ts';

const differing = (a: ArrayLike<number>, b: ArrayLike<number>): number => Array.from(a).findIndex((v, k) => v !== b[k]);

test('on circuits of every kind', () => {
  const samples = [...smallNets(), wideNet(), ...Array.from({ length: 150 }, (_, seed) => randomCircuit(seed))];
  for (const { name, circuit, weights, inputs } of samples) {
    const { tensors } = execute(circuit, weights, inputs);
    runFast(circuit, weights, inputs).forEach((tensor, k) => expect(differing(tensor, tensors[k]!), `${name}, tensor ${k}`).toBe(-1));
  }
});

test('on planes of more than one block, in groups', () => {
  const draft = new CircuitDraft(4);
  const input = draft.input([6, 40, 37], 128);
  const term = draft.convolution(draft.whole(input), 4, { kernel: [3, 3], pad: [1, 1], groups: 2 });
  const output = draft.requantize('layer', [4, 40, 37], 0, [1, 2, 3, 4], [term], [2, 3, 4, 5], clamp);
  const { circuit, weights, inputs } = draft.finish('blocks', [output]);
  const [bytes] = execute(circuit, weights, inputs).outputs;
  expect(differing(runFast(circuit, weights, inputs)[output]!, bytes!)).toBe(-1);
});
