import { fromBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { ModelProtoSchema } from 'onnx-buf';
import { describe, expect, it, test } from 'vitest';
import { size, type TensorMeaning } from '../../circuits/graph/circuit.ts';
import { circuitDigest } from '../../circuits/graph/encoding.ts';
import { publicNames, writeIntegerModel } from '../../circuits/onnx/write.ts';
import { denseNet, featureNet, smallNets, type Sample } from '../support/circuits.ts';
import { expectSameIntegers } from '../support/integer-model.ts';
import { randomCircuit } from '../support/random-circuits.ts';

/** A random input, and the two extremes. */
function inputsOf({ circuit, inputs }: Sample): Uint8Array[][] {
  return [inputs, ...[0, 255].map((value) => circuit.inputs.map(({ shape }) => new Uint8Array(size(shape)).fill(value)))];
}

describe('ONNX Runtime gives the integers of the plain executor, every one', () => {
  it.each(smallNets().map((sample) => [sample.name, sample] as const))('%s', async (_, sample) => {
    await expectSameIntegers(sample.circuit, sample.weights, inputsOf(sample));
  });

  test('random circuits', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 31 }), async (seed) => {
        const sample = randomCircuit(seed);
        await expectSameIntegers(sample.circuit, sample.weights, inputsOf(sample));
      }),
      { numRuns: 150, seed: 1 },
    );
  });
});

describe('the file', () => {
  it('is the same for the same circuit, byte for byte', () => {
    const [one, two] = [featureNet(), featureNet()];
    expect(writeIntegerModel(one.circuit, one.weights)).toEqual(writeIntegerModel(two.circuit, two.weights));
  });

  it('has standard operators only, and none that is inexact on integers', () => {
    const exact = new Set('Add Cast ConvInteger Div Expand Gather MatMulInteger Max Mul Reshape Slice Transpose Where'.split(' '));
    for (const sample of [featureNet(), ...Array.from({ length: 30 }, (_, seed) => randomCircuit(seed))]) {
      const model = fromBinary(ModelProtoSchema, writeIntegerModel(sample.circuit, sample.weights));
      expect(model.opsetImport).toMatchObject([{ domain: '', version: 13n }]);
      for (const node of model.graph!.node) expect(exact).toContain(node.opType);
    }
  });

  it('says of which circuit it is, and what its integers mean', () => {
    const { circuit, weights } = denseNet();
    const model = fromBinary(ModelProtoSchema, writeIntegerModel(circuit, weights));
    const metadata = Object.fromEntries(model.metadataProps.map(({ key, value }) => [key, value]));
    expect(metadata.circuit).toBe(Buffer.from(circuitDigest(circuit)).toString('hex'));
    expect(JSON.parse(metadata.meaning!)).toEqual(circuit.meaning);
  });

  it('names inputs and outputs as their meaning does, where that is possible', async () => {
    const { circuit, weights, inputs } = featureNet();
    const renamed = (meanings: readonly TensorMeaning[], names: readonly string[]) =>
      meanings.map((meaning, k) => ({ ...meaning, name: names[k]! }));
    const meaning = {
      inputs: renamed(circuit.meaning.inputs, ['image', 't3']),
      outputs: renamed(circuit.meaning.outputs, ['image', '', 'output1', 'a']),
    };
    const other = { ...circuit, meaning };
    expect(publicNames(other)).toEqual({ inputs: ['image', 'input1'], outputs: ['image_', 'output1', 'output1_', 'a'] });
    await expectSameIntegers(other, weights, [inputs]);
  });

  it('takes the dimensions of its inputs and outputs from their meaning', async () => {
    const { circuit, weights, inputs } = denseNet();
    const meaning = {
      inputs: [{ ...circuit.meaning.inputs[0]!, dims: [1, 2, 3] }],
      outputs: [{ ...circuit.meaning.outputs[0]!, dims: [3] }],
    };
    await expectSameIntegers({ ...circuit, meaning }, weights, [inputs]);
  });

  it('is not written with weights of another size', () => {
    const { circuit, weights } = denseNet();
    expect(() => writeIntegerModel(circuit, weights.slice(1))).toThrow('expected 2 weight tensors, got 1');
    expect(() => writeIntegerModel(circuit, [weights[0]!.slice(1), weights[1]!])).toThrow('layer hidden: expected 30 weights, got 29');
  });
});
