/** The whole training of the built-in model, again. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readPackageDigits } from '../../circuits/models/digits/train-data.ts';
import { digitsOnnx, digitsRecipe } from '../../circuits/models/digits/training/recipe.ts';
import { train } from '../../circuits/models/digits/training/training.ts';

// Six minutes of one core, an hour where many share it.
test('training gives the committed file, byte for byte', { timeout: 3_600_000 }, () => {
  const committed = readFileSync(join(import.meta.dirname, '../../circuits/models/digits/digits.onnx'));
  const trained = digitsOnnx(train(readPackageDigits(), digitsRecipe));
  expect(Buffer.from(trained).equals(committed)).toBe(true);
});
