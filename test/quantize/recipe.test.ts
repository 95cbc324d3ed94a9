/** A recipe is enough to compute a circuit's digest again, and nothing else gives it. */
import { bytesToHex } from '@noble/hashes/utils.js';
import { beforeAll, describe, expect, test } from 'vitest';
import { circuitDigest } from '../../circuits/graph/encoding.ts';
import type { Sample } from '../../circuits/quantize/calibration.ts';
import { compile, type Compiled, type CompileOptions } from '../../circuits/quantize/compile.ts';
import { evaluate } from '../../circuits/quantize/evaluate.ts';
import { recipeOf, reproduce, type Recipe } from '../../circuits/quantize/recipe.ts';
import { openModel } from '../../wasm/inference/node.ts';
import { onnxModel } from '../support/onnx-builder.ts';
import { seededGenerator } from '../support/random.ts';
import { Chain } from './small-models.ts';

const chain = new Chain([1, 2, 6, 6], 5).conv(4, 2, [3, 3]).add('Relu').add('Flatten');
chain.add('Gemm', [chain.weights([3, 64]), chain.constant([3], [0, 0.1, -0.1])], { transB: 1 });
const model = onnxModel(chain.model());
const random = seededGenerator(11);
const samples: Sample[] = Array.from({ length: 6 }, () => [Float32Array.from({ length: 72 }, () => 2 * random() - 1)]);
const file = new TextEncoder().encode(JSON.stringify(samples.map(([values]) => [...values!])));
const platform = { openModel };

describe('a recipe from a calibration file', () => {
  const options: CompileOptions = {
    calibration: { kind: 'data', samples: samples.slice(0, 4) },
    labels: ['a', 'b', 'c'],
    note: 'grey',
    ranges: 'mse',
  };
  let compiled: Compiled;
  let recipe: Recipe;
  beforeAll(async () => {
    compiled = await compile(model, options, platform);
    recipe = JSON.parse(JSON.stringify(recipeOf(model, options, compiled, { format: 'json' }))) as Recipe;
  });

  test('names model, calibration, options and circuit', () => {
    expect(recipe).toMatchObject({ calibration: { kind: 'data', count: 4, format: 'json' }, options: { ranges: 'mse', note: 'grey' } });
    expect(recipe.circuit).toBe(bytesToHex(circuitDigest(compiled.circuit)));
  });

  test('gives the digest again, from the file or the samples', async () => {
    for (const calibration of [file, samples]) {
      const { digest, matches } = await reproduce(recipe, model, calibration, platform);
      expect({ digest, matches }).toEqual({ digest: recipe.circuit, matches: true });
    }
  });

  test('says so where the digest is not what comes out', async () => {
    const forged: Recipe = { ...recipe, options: { ...recipe.options, labels: ['b', 'a', 'c'] } };
    expect((await reproduce(forged, model, file, platform)).matches).toBe(false);
  });

  test('refuses another model, other inputs, another compiler', async () => {
    const otherModel = model.slice();
    otherModel[otherModel.length - 1]! ^= 1;
    await expect(reproduce(recipe, otherModel, file, platform)).rejects.toThrow("not the recipe's model");
    const otherInputs = [samples[1]!, ...samples.slice(1)];
    await expect(reproduce(recipe, model, otherInputs, platform)).rejects.toThrow("not the recipe's calibration inputs");
    await expect(reproduce(recipe, model, samples.slice(0, 3), platform)).rejects.toThrow('expected 4');
    await expect(reproduce(recipe, model, null, platform)).rejects.toThrow('needs its 4 calibration inputs');
    await expect(reproduce({ ...recipe, compiler: 0 }, model, file, platform)).rejects.toThrow('for compiler 0');
  });
});

test('a recipe from a distribution needs no file', async () => {
  const options: CompileOptions = { calibration: { kind: 'normal', mean: 0, std: 0.5, count: 3, seed: 9 } };
  const recipe = recipeOf(model, options, await compile(model, options, platform));
  expect((await reproduce(recipe, model, null, platform)).matches).toBe(true);
});

describe('an evaluation', () => {
  const options: CompileOptions = { calibration: { kind: 'data', samples } };

  test('sets float and integer accuracy side by side', async () => {
    const compiled = await compile(model, options, platform);
    const unlabelled = await evaluate(compiled, model, samples, null, openModel);
    expect(unlabelled).toMatchObject({ count: 6, accuracy: null });
    expect(unlabelled.cosine).toBeGreaterThan(0.999);
    const session = await openModel(model, [chain.value]);
    const labels: number[] = [];
    for (const [data] of samples) {
      const logits = (await session.run({ v0: { dims: [1, 2, 6, 6], data: data! } }))[chain.value]!.data;
      labels.push(logits.indexOf(Math.max(...logits)));
    }
    await session.close();
    const right = await evaluate(compiled, model, samples, labels, openModel);
    expect(right.accuracy?.float).toBe(1);
    expect(right.accuracy?.integer).toBe(right.agreement);
    const wrong = labels.map((label, n) => (n < 3 ? (label + 1) % 3 : label));
    expect((await evaluate(compiled, model, samples, wrong, openModel)).accuracy?.float).toBe(0.5);
  });

  test('may run the circuit elsewhere', async () => {
    const compiled = await compile(model, options, platform);
    const backwards = await evaluate(compiled, model, samples, null, openModel, { integerRunner: async () => [Int32Array.of(0, 0, 0)] });
    expect(backwards.cosine).toBe(0);
  });

  test('refuses labels that do not fit', async () => {
    const compiled = await compile(model, options, platform);
    await expect(evaluate(compiled, model, samples, [0, 1], openModel)).rejects.toThrow('2 labels for 6 samples');
    await expect(evaluate(compiled, model, samples, [0, 1, 2, 3, 0, 0], openModel)).rejects.toThrow('label 3 is 3');
    await expect(evaluate(compiled, model, [], null, openModel)).rejects.toThrow('no samples');
  });
});
