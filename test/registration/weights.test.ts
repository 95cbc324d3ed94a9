import { beforeAll, describe, expect, it } from 'vitest';
import { commitWeights } from '../../wasm/registration/weights.ts';
import type { Kernels } from '../../wasm/runtime/kernels.ts';
import { layoutOf } from '../../wasm/statement/layout.ts';
import { committedNet, wideNet } from '../support/circuits.ts';
import { loadKernels } from '../support/kernels.ts';
import { weightVector } from '../support/plain-prover/prove.ts';

let kernels: Kernels;
beforeAll(async () => {
  kernels = await loadKernels();
});

describe('the commitment of weights', () => {
  it.each([committedNet(), wideNet()])('has the root and the vector of the plain prover: $name', ({ circuit, weights }) => {
    const layout = layoutOf(circuit);
    const commitment = commitWeights(kernels, layout, weights);
    expect(commitment.root).toEqual(circuit.weightRoot);
    const start = commitment.vector >>> 2;
    expect([...kernels.words.subarray(start, start + layout.weightLength)]).toEqual(weightVector(circuit, weights));
  });

  it('needs as many weights as the circuit has', () => {
    const { circuit, weights } = committedNet();
    const layout = layoutOf(circuit);
    expect(() => commitWeights(kernels, layout, weights.slice(1))).toThrow(RangeError);
    expect(() =>
      commitWeights(
        kernels,
        layout,
        weights.map((w) => w.slice(1)),
      ),
    ).toThrow(RangeError);
  });
});
