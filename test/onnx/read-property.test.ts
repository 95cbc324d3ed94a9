import { describe, test } from 'vitest';
import { expectSameAsRuntime } from '../support/float-comparison.ts';
import { onnxModel } from '../support/onnx-builder.ts';
import { randomModel } from '../support/random-onnx/model.ts';
import { STEPS } from '../support/random-onnx/steps.ts';
import { seededGenerator } from '../support/random.ts';

const OPSETS = Array.from({ length: 15 }, (_, k) => 7 + k);

describe('every operator is read as ONNX Runtime runs it', () => {
  for (const [index, [name, step]] of Object.entries(STEPS).entries()) {
    test(name, async () => {
      for (const [k, opset] of OPSETS.entries()) {
        const seed = 1000 * index + k;
        const random = seededGenerator(seed);
        const model = onnxModel(randomModel(random, opset, [step, step, STEPS.reshape!, STEPS.unsqueeze!], 3));
        try {
          await expectSameAsRuntime(model, random);
        } catch (error) {
          throw new Error(`operator set ${opset}, seed ${seed}`, { cause: error });
        }
      }
    });
  }
});

describe('graphs of many operators are read as ONNX Runtime runs them', () => {
  for (const opset of OPSETS) {
    test(`operator set ${opset}`, async () => {
      for (let seed = 0; seed < 10; seed++) {
        const random = seededGenerator(1000 * opset + seed);
        const model = onnxModel(randomModel(random, opset, Object.values(STEPS), 8));
        try {
          await expectSameAsRuntime(model, random);
        } catch (error) {
          throw new Error(`seed ${seed}`, { cause: error });
        }
      }
    });
  }
});
