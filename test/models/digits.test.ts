/** The built-in model: what its files hold, how well it reads, and that its training gives the same bits everywhere. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, TensorProto_DataType } from 'onnx-buf';
import { describe, expect, test } from 'vitest';
import { checkCircuit } from '../../circuits/bounds/index.ts';
import { execute } from '../../circuits/execute/execute.ts';
import { calibrationDigits, digitsCompileOptions, digitsModel } from '../../circuits/models/digits/digits.ts';
import { calibrationBytes, readPackageDigits, split } from '../../circuits/models/digits/train-data.ts';
import { digitsOnnx, digitsRecipe } from '../../circuits/models/digits/training/recipe.ts';
import { largest } from '../../circuits/models/digits/training/network.ts';
import { train } from '../../circuits/models/digits/training/training.ts';
import { compile } from '../../circuits/quantize/compile.ts';
import { runFast } from '../../circuits/quantize/forward.ts';
import { openModel } from '../../wasm/inference/node.ts';
import { readTestDigits, TEST_DIGITS } from '../support/digits.ts';
import { describeWithModels, testWithModels } from '../support/models.ts';

const FOLDER = join(import.meta.dirname, '../../circuits/models/digits');
const file = new Uint8Array(readFileSync(join(FOLDER, 'digits.onnx')));

describe('the file of the built-in model', () => {
  const { graph, opsetImport, metadataProps } = fromBinary(ModelProtoSchema, file);

  test('names its input, output and labels as digits.ts does', () => {
    const described = [...graph!.input, ...graph!.output].map(({ name, type }) => {
      if (type?.value.case !== 'tensorType') throw new Error(`${name} is no tensor`);
      expect(type.value.value.elemType).toBe(TensorProto_DataType.FLOAT);
      return { name, dims: type.value.value.shape!.dim.map(({ value }) => Number(value.value)) };
    });
    const { input, output } = digitsModel;
    expect(described).toEqual([
      { name: input.name, dims: input.dims },
      { name: output.name, dims: output.dims },
    ]);
    const metadata = new Map(metadataProps.map(({ key, value }) => [key, value]));
    expect(JSON.parse(metadata.get('labels')!)).toEqual(output.labels);
  });

  test('uses four operators of operator set 13, and has few activations to prove', () => {
    expect(opsetImport.map(({ domain, version }) => [domain, version])).toEqual([['', 13n]]);
    const operators = graph!.node.map(({ opType }) => opType);
    expect(operators).toEqual([...digitsRecipe.layers.slice(1).flatMap(() => ['Conv', 'Relu']), 'Flatten', 'Gemm']);
    const parameters = graph!.initializer.reduce((sum, { dims }) => sum + Number(dims.reduce((a, b) => a * b, 1n)), 0);
    expect(parameters).toBeLessThan(100_000);
  });
});

describeWithModels('of the 10,000 test digits', TEST_DIGITS, ([images, labels]) => {
  // Seconds of computing, minutes where many tests share a processor.
  const timeout = 600_000;

  test('the model reads at least 99 % in ONNX Runtime', { timeout }, async () => {
    const digits = readTestDigits(images!, labels!);
    const { input, output } = digitsModel;
    const session = await openModel(file, [output.name]);
    let right = 0;
    for (const [i, image] of digits.images.entries()) {
      const { [output.name]: logits } = await session.run({ [input.name]: { dims: input.dims, data: Float32Array.from(image) } });
      if (largest(logits!.data) === digits.labels[i]) right++;
    }
    await session.close();
    expect(digits.images.length).toBe(10_000);
    expect(right).toBeGreaterThanOrEqual(9_900);
  });

  test('its integer circuit, whose input bytes are the pixels, reads at least 98.9 %', { timeout }, async () => {
    const digits = readTestDigits(images!, labels!);
    const { circuit, weights } = await compile(file, digitsCompileOptions(readCalibration()), { openModel });
    checkCircuit(circuit, weights);
    expect(circuit.meaning.inputs[0]).toMatchObject({ name: digitsModel.input.name, scale: 1, zero: 0 });
    expect(circuit.meaning.outputs[0]!.labels).toEqual(digitsModel.output.labels);
    let right = 0;
    for (const [i, image] of digits.images.entries()) {
      const logits = runFast(circuit, weights, [image])[circuit.outputs[0]!]!;
      if (largest(logits) === digits.labels[i]) right++;
      if (i % 1000 === 0) expect(logits).toEqual(execute(circuit, weights, [image]).outputs[0]);
    }
    expect(right).toBeGreaterThanOrEqual(9_890);
  });
});

describe('the digits for training', () => {
  const examples = readPackageDigits();

  test('are 10,000, of which calibration.u8 holds the first ten of each class', () => {
    expect(examples.labels.length).toBe(10_000);
    const bytes = readCalibration();
    expect(bytes).toEqual(calibrationBytes(examples));
    const digits = calibrationDigits(bytes);
    expect(digits.map(({ label }) => label)).toEqual(Array.from({ length: 100 }, (_, i) => i % 10));
    for (const { label, pixels } of digits) {
      const at = findImage(examples.pixels, pixels);
      expect(examples.labels[at]).toBe(label);
    }
    expect(() => calibrationDigits(bytes.subarray(1))).toThrow(/multiple of 784 bytes, got 78399/);
  });

  testWithModels('are none of the 10,000 test digits', TEST_DIGITS, ([images, labels]) => {
    const tested = new Set(readTestDigits(images!, labels!).images.map(text));
    expect(tested.size).toBe(10_000);
    for (let i = 0; i < examples.labels.length; i++) {
      if (tested.has(text(examples.pixels.subarray(i * 784, (i + 1) * 784)))) throw new Error(`training digit ${i} is a test digit`);
    }
  });

  test('can be split, without loss, by every n-th of each class', () => {
    const { rest, heldOut } = split(examples, 5);
    expect(rest.labels.length + heldOut.labels.length).toBe(10_000);
    for (let label = 0; label < 10; label++) {
      const count = ({ labels }: { labels: Uint8Array }): number => labels.filter((other) => other === label).length;
      expect(count(heldOut)).toBe(Math.floor(count(examples) / 5));
    }
    expect(rest.pixels.subarray(4 * 784, 5 * 784)).toEqual(examples.pixels.subarray(5 * 784, 6 * 784));
    expect(heldOut.pixels.subarray(0, 784)).toEqual(examples.pixels.subarray(4 * 784, 5 * 784));
  });

  test('give the same network, bit for bit, after forty steps', () => {
    const accuracies: number[] = [];
    const network = train(examples, { ...digitsRecipe, epochs: (40 * digitsRecipe.batch) / 10_000 }, ({ accuracy }) =>
      accuracies.push(accuracy),
    );
    expect(accuracies).toHaveLength(1);
    const hash = createHash('sha256').update(digitsOnnx(network)).digest('hex');
    expect(hash).toBe('defb5ae599d6ea6bcf6a496c2aa478ac0bb75113f69b5ddbbc1c40dc92d79417');
  });
});

function readCalibration(): Uint8Array {
  return new Uint8Array(readFileSync(join(FOLDER, 'calibration.u8')));
}

function text(image: Uint8Array): string {
  return Buffer.from(image).toString('latin1');
}

function findImage(pixels: Uint8Array, image: Uint8Array): number {
  const wanted = text(image);
  for (let i = 0; i < pixels.length / 784; i++) if (text(pixels.subarray(i * 784, (i + 1) * 784)) === wanted) return i;
  throw new Error('the image is not there');
}
