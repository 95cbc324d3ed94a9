/** Ink becomes what the digits models were trained on. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { calibrationDigits } from '../../circuits/models/digits/digits.ts';
import { centreOfMass, digitImage, SIDE, type Ink } from '../../web/pages/verify/digit-image.ts';

const digits = calibrationDigits(new Uint8Array(readFileSync(join(import.meta.dirname, '../../circuits/models/digits/calibration.u8'))));

/** An image as ink of `scale` points per pixel, moved. */
function enlarged(pixels: Uint8Array, scale: number, [dx, dy]: readonly [number, number] = [0, 0]): Ink {
  const size = SIDE * scale;
  const levels = new Uint8Array(size * size);
  for (let n = 0; n < levels.length; n++) {
    const x = Math.floor((n % size) / scale) - dx;
    const y = Math.floor(n / size / scale) - dy;
    if (x >= 0 && x < SIDE && y >= 0 && y < SIDE) levels[n] = pixels[y * SIDE + x]!;
  }
  return { width: size, height: size, levels };
}

function meanDifference(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((sum, level, n) => sum + Math.abs(level - b[n]!), 0) / a.length;
}

describe('the image of drawn ink', () => {
  it('is the image of the database again, where that was enlarged', () => {
    const differences = digits.map(({ pixels }) => meanDifference(digitImage(enlarged(pixels, 10))!, pixels));
    expect(differences.reduce((a, b) => a + b) / digits.length).toBeLessThan(2);
  });

  it('does not depend on where it was drawn', () => {
    for (const { pixels } of digits.slice(0, 10)) {
      const image = digitImage(enlarged(pixels, 10))!;
      expect(digitImage(enlarged(pixels, 10, [3, -2]))).toEqual(image);
    }
  });

  it('has its centre of mass within a pixel of the middle, and reaches no further than 20 pixels', () => {
    for (const { pixels } of digits) {
      const image = digitImage(enlarged(pixels, 7))!;
      const [x, y] = centreOfMass(image);
      expect(Math.abs(x - 14.5)).toBeLessThanOrEqual(1);
      expect(Math.abs(y - 14.5)).toBeLessThanOrEqual(1);
      const rows = Array.from({ length: SIDE }, (_, row) => image.subarray(row * SIDE, (row + 1) * SIDE).some((level) => level > 16));
      expect(rows.lastIndexOf(true) - rows.indexOf(true) + 1).toBeLessThanOrEqual(21);
    }
  });

  it('is none where nothing was drawn', () => {
    expect(digitImage({ width: 280, height: 280, levels: new Uint8Array(280 * 280) })).toBeNull();
  });

  it('leaves a dot a dot', () => {
    const levels = new Uint8Array(280 * 280);
    for (let n = 0; n < 20; n++) levels.fill(255, (130 + n) * 280 + 130, (130 + n) * 280 + 150);
    const image = digitImage({ width: 280, height: 280, levels })!;
    expect(image.filter((level) => level > 0).length).toBeLessThanOrEqual(49);
  });
});
