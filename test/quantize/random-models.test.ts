/** Random models become circuits that may be proven and whose answers are those of ONNX Runtime, up to rounding. */
import { expect, test } from 'vitest';
import { RandomModel } from './random-models.ts';
import { compileSmall, noiseOf } from './small-models.ts';
import type { CompileOptions } from '../../circuits/quantize/compile.ts';

const MODELS = 60;
/** Many, since what calibration has not seen is clipped, and these models have few values per input to see. */
const OPTIONS: CompileOptions = { calibration: { kind: 'uniform', lo: -1, hi: 1, count: 128, seed: 1 } };
/** Decibels. */
const LEAST = 25;

test(`${MODELS} random models keep their answers`, async () => {
  for (let seed = 0; seed < MODELS; seed++) {
    const random = new RandomModel(1000 * seed);
    const model = random.model();
    const [snr] = await noiseOf(model, await compileSmall(model, OPTIONS), 16);
    expect(snr, `seed ${seed}: ${model.nodes.map(({ op }) => op).join(' ')}`).toBeGreaterThan(LEAST);
  }
});
