import fc from 'fast-check';
import { afterAll, describe, expect, it, test } from 'vitest';
import { execute, readView } from '../../circuits/execute/execute.ts';
import { convolutions, size } from '../../circuits/graph/circuit.ts';
import { runForward } from '../../wasm/forward/forward.ts';
import { placeWeights } from '../../wasm/linear/convolution.ts';
import { deriveLayout } from '../../wasm/reference/layout.ts';
import { layoutOf, planeBits, type Slot } from '../../wasm/statement/layout.ts';
import { smallNets, type Sample } from '../support/circuits.ts';
import { loadKernels } from '../support/kernels.ts';
import { plainWitness } from '../support/plain-prover/execution.ts';
import { countLookups, lookupsOf, witnessVector } from '../support/plain-prover/leaves.ts';
import { randomCircuit } from '../support/random-circuits.ts';

/** Values of a tensor in the padded planes of a slot, the slot's beginning being 0. */
function spread({ channels, height, width, rowBits, columnBits }: Slot, values: ArrayLike<number>): number[] {
  const out = new Array<number>(channels * 2 ** (rowBits + columnBits)).fill(0);
  for (let n = 0; n < channels * height * width; n++) {
    const [c, i, j] = [Math.floor(n / (height * width)), Math.floor(n / width) % height, n % width];
    out[((c * 2 ** rowBits + i) << columnBits) + j] = values[n]!;
  }
  return out;
}

describe.each([1, 2])("the kernels' forward pass on %d threads", async (threads) => {
  const kernels = await loadKernels(threads);
  afterAll(kernels.end);

  function expectSame({ circuit, weights, inputs }: Sample): void {
    const mark = kernels.arena.mark();
    const layout = layoutOf(circuit);
    const rows = convolutions(circuit).map(({ layer }, k) => placeWeights(kernels, weights[k]!, layer.shape[0]));
    const forward = runForward(kernels, layout, rows, inputs);
    const run = execute(circuit, weights, inputs);
    expect(forward.outputs).toEqual(run.outputs);

    const plain = plainWitness(circuit, weights, inputs);
    const reference = deriveLayout(circuit);
    const counts = countLookups(reference, lookupsOf(circuit, reference, plain));
    expect(wordsAt(forward.witness, layout.witnessLength), 'witness').toEqual(witnessVector(circuit, reference, plain, counts));

    circuit.layers.forEach((layer, index) => {
      const slots = layout.layers[index];
      const made = run.tensors[circuit.inputs.length + index]!;
      if (slots?.kind === 'requantize') {
        const { quotients, outputs } = forward.requantized[index]!;
        const length = slots.quotientLeaves.channels * 2 ** planeBits(slots.quotientLeaves);
        expect(integersAt(quotients, length), `quotients of ${layer.name}`).toEqual(spread(slots.quotientLeaves, run.quotients[index]!));
        expect(integersAt(outputs, length), `values of ${layer.name}`).toEqual(spread(slots.quotientLeaves, made));
      }
      if (slots?.kind === 'maximum' && layer.kind === 'maximum') {
        const { differences, gains } = forward.maxima[index]!;
        const [a, b] = [layer.a, layer.b].map((view) => readView(circuit, view, run.tensors, false)) as [Int32Array, Int32Array];
        const length = slots.leaves.channels * 2 ** planeBits(slots.leaves);
        expect(integersAt(differences, length), `differences of ${layer.name}`).toEqual(
          spread(
            slots.leaves,
            a.map((v, n) => v - b[n]!),
          ),
        );
        expect(integersAt(gains, length), `gains of ${layer.name}`).toEqual(
          spread(
            slots.leaves,
            b.map((v, n) => made[n]! - v),
          ),
        );
      }
    });
    kernels.arena.release(mark);
  }

  const wordsAt = (address: number, length: number): number[] => [...kernels.words.subarray(address / 4, address / 4 + length)];
  const integersAt = (address: number, length: number): number[] => [...kernels.signed.subarray(address / 4, address / 4 + length)];

  it.each(smallNets().map((sample) => [sample.name, sample] as const))('gives the integers of the plain executor: %s', (_, sample) => {
    for (const value of [null, 0, 255]) {
      const inputs = value === null ? sample.inputs : sample.circuit.inputs.map(({ shape }) => new Uint8Array(size(shape)).fill(value));
      expectSame({ ...sample, inputs });
    }
  });

  test('gives the integers of the plain executor: random circuits', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 }), (seed) => expectSame(randomCircuit(seed))),
      { numRuns: 100, seed: threads },
    );
  });
});
