import { readFile } from 'node:fs/promises';
import { create, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import { describe, expect, it, test } from 'vitest';
import { openModel } from '../../wasm/inference/node.ts';
import { describeWithModels } from '../support/models.ts';

describe('a file that is no model is refused', () => {
  it.each([
    ['foreign bytes', new TextEncoder().encode('%PDF-1.7 not a model'), 'not an ONNX file'],
    ['no bytes', new Uint8Array(0), 'not an ONNX file: it has no graph'],
    [
      'a graph whose operator does not exist',
      toBinary(
        ModelProtoSchema,
        create(ModelProtoSchema, {
          irVersion: 8n,
          opsetImport: [{ domain: '', version: 13n }],
          graph: { name: 'g', node: [{ opType: 'Levitate', input: [], output: ['y'] }], output: [{ name: 'y' }] },
        }),
      ),
      'ONNX Runtime cannot open the model: .*Levitate',
    ],
  ])('%s', async (_, bytes, message) => {
    await expect(openModel(bytes, ['y'])).rejects.toThrow(new RegExp(message));
    await expect(openModel(bytes, ['y'])).rejects.toMatchObject({ name: 'InferenceFailure' });
  });
});

describeWithModels('the MNIST model', ['mnist_cnn.onnx'], ([path]) => {
  const dims = [1, 1, 28, 28];
  const digit = { dims, data: Float32Array.from({ length: 784 }, (_, i) => (i * 37) % 256) };

  test('gives any value of its graph, the same alone as with others', async () => {
    const model = await readFile(path!);
    const one = await openModel(model, ['Plus214_Output_0']);
    const many = await openModel(model, ['Plus214_Output_0', 'Pooling66_Output_0', 'ReLU32_Output_0', 'Plus214_Output_0']);
    const alone = await one.run({ Input3: digit });
    const all = await many.run({ Input3: digit });
    expect(alone.Plus214_Output_0!.dims).toEqual([1, 10]);
    expect(all.Plus214_Output_0).toEqual(alone.Plus214_Output_0);
    expect(all.Pooling66_Output_0!.dims).toEqual([1, 8, 14, 14]);
    expect(all.ReLU32_Output_0!.data).toSatisfy((values: Float32Array) => values.every((v) => v >= 0) && values.some((v) => v > 0));
    await one.close();
    await many.close();
  });

  test('says which value it does not have', async () => {
    await expect(openModel(await readFile(path!), ['Plus214_Output_0', 'logits'])).rejects.toThrow(
      'no node of the model makes a value "logits"',
    );
  });

  test('says which inputs it expects, and of which size', async () => {
    const session = await openModel(await readFile(path!), ['Plus214_Output_0']);
    await expect(session.run({})).rejects.toThrow('expected the inputs Input3; got none');
    await expect(session.run({ image: digit })).rejects.toThrow('expected the inputs Input3; got image');
    await expect(session.run({ Input3: { dims, data: new Float32Array(10) } })).rejects.toThrow('input Input3: 10 values for dimensions');
    await expect(session.run({ Input3: { dims: [1, 784], data: digit.data } })).rejects.toThrow('ONNX Runtime cannot run the model');
    await expect(session.run({ Input3: { dims, data: new Uint8Array(784) } })).rejects.toThrow('ONNX Runtime cannot run the model');
    await session.close();
  });

  test('a cut file is refused', async () => {
    const model = await readFile(path!);
    await expect(openModel(model.subarray(0, 1000), ['Plus214_Output_0'])).rejects.toThrow('not an ONNX file');
  });
});
