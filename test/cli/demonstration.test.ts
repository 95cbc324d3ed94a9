import { readFileSync } from 'node:fs';
import { beforeAll, expect, it } from 'vitest';
import { calibrationDigits } from '../../circuits/models/digits/digits.ts';
import { demonstrate, picture } from '../../server/cli/demonstration.ts';
import { kernelModule } from '../support/kernels.ts';

const calibration = new Uint8Array(readFileSync(new URL('../../circuits/models/digits/calibration.u8', import.meta.url)));

beforeAll(async () => {
  await kernelModule();
});

it('proves what the built-in model reads in a digit, verifies it twice, and refuses another answer', async () => {
  const steps: string[] = [];
  const { digit, answer, verified, text } = await demonstrate(
    () => 0.37,
    (what) => steps.push(what),
  );
  expect(digit).toEqual(calibrationDigits(calibration)[37]);
  expect(answer).toBe(7);
  expect(verified).toBe(true);
  expect(steps).toEqual(['compiling the model', 'proving', 'verifying', 'measuring']);
  expect(text).toContain(picture(digit.pixels));
  expect(text).toMatch(/^answer +7 \(\d+\.\d %\); it is a 7$/m);
  expect(text).toMatch(/^proof +\d+\.\d KB on \d+ threads in .* cold, .* warm$/m);
  expect(text).toMatch(/^verifier +accepted in .*$/m);
  expect(text).toMatch(/^reference verifier +accepted in /m);
  expect(text).toMatch(/^the same proof for +"\d": refused \(/m);
});

it('draws dark where there is ink, without the empty border', () => {
  const pixels = new Uint8Array(784);
  pixels.set([255, 128, 1], 5 * 28 + 2);
  pixels[7 * 28] = 64;
  expect(picture(pixels)).toBe('    ██▓▓░░\n\n▒▒');
});
