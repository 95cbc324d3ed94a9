/**
 * Trains the built-in model and writes `digits.onnx` and `calibration.u8` beside this file.
 *
 *   npm run train:digits                     six minutes of one 2.4 GHz core
 *   npm run train:digits -- --hold-out 5     leaves out every fifth digit of each class, says how many of these are read right, writes nothing
 */
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { calibrationBytes, readPackageDigits, split } from './train-data.ts';
import { digitsOnnx, digitsRecipe } from './training/recipe.ts';
import { accuracy, train, type TrainingProgress } from './training/training.ts';

const { values } = parseArgs({ options: { 'hold-out': { type: 'string' } } });
const period = values['hold-out'] === undefined ? null : Number(values['hold-out']);
if (period !== null && !(Number.isInteger(period) && period >= 2)) {
  throw new RangeError(`--hold-out: expected a whole number of at least 2, got ${values['hold-out']}`);
}

const examples = readPackageDigits();
const { rest, heldOut } = period === null ? { rest: examples, heldOut: null } : split(examples, period);
const start = performance.now();
const network = train(rest, digitsRecipe, report);
console.log(`undistorted training digits: ${percent(accuracy(network, rest))} of ${rest.labels.length}`);
if (heldOut !== null) {
  console.log(`held-out digits: ${percent(accuracy(network, heldOut))} of ${heldOut.labels.length}`);
} else {
  write('digits.onnx', digitsOnnx(network));
  write('calibration.u8', calibrationBytes(examples));
}

function report({ step, steps, accuracy: right }: TrainingProgress): void {
  if (step % 500 !== 0 && step !== steps) return;
  const seconds = (performance.now() - start) / 1000;
  console.log(`step ${step} of ${steps}, ${seconds.toFixed(0)} s: ${percent(right)} of the last distorted digits`);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}

function write(name: string, bytes: Uint8Array): void {
  const path = join(import.meta.dirname, name);
  writeFileSync(`${path}.new`, bytes);
  renameSync(`${path}.new`, path);
  console.log(`wrote ${name}, ${bytes.length} bytes`);
}
