/** What a model is calibrated with: inputs of its user, or a stated distribution. */
import type { FloatValue } from '../onnx/float-graph.ts';
import { normalGenerator, uniformGenerator } from './seeded.ts';

/** Calibration inputs cannot be read, or do not fit the model: what was expected, what came. */
export class CalibrationError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'CalibrationError';
  }
}

/** One input of the model: per ONNX input, its elements in C-order. */
export type Sample = readonly Float32Array[];

export interface CalibrationData {
  readonly kind: 'data';
  readonly samples: readonly Sample[];
}

export interface UniformCalibration {
  readonly kind: 'uniform';
  readonly lo: number;
  readonly hi: number;
  readonly count: number;
  readonly seed: number;
}

/** Nearly normal: sums of twelve uniform numbers, within six standard deviations. */
export interface NormalCalibration {
  readonly kind: 'normal';
  readonly mean: number;
  readonly std: number;
  readonly count: number;
  readonly seed: number;
}

export type Calibration = CalibrationData | UniformCalibration | NormalCalibration;

function generated(inputs: readonly FloatValue[], count: number, next: () => number): Sample[] {
  if (!Number.isInteger(count) || count < 1) throw new CalibrationError(`${count} calibration inputs; at least 1 is expected`);
  return Array.from({ length: count }, () =>
    inputs.map(({ dims }) => Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, next)),
  );
}

function checked(samples: readonly Sample[], inputs: readonly FloatValue[]): readonly Sample[] {
  if (!samples.length) throw new CalibrationError('there are no calibration inputs; at least 1 is expected');
  samples.forEach((sample, n) => {
    if (sample.length !== inputs.length)
      throw new CalibrationError(`calibration input ${n} has ${sample.length} tensors, the model has ${inputs.length} inputs`);
    inputs.forEach(({ name, dims }, k) => {
      const expected = dims.reduce((a, b) => a * b, 1);
      if (sample[k]!.length !== expected)
        throw new CalibrationError(
          `calibration input ${n}, ${name}: ${sample[k]!.length} elements, ${dims.join(' x ')} = ${expected} are expected`,
        );
      const bad = sample[k]!.findIndex((v) => !Number.isFinite(v));
      if (bad >= 0)
        throw new CalibrationError(`calibration input ${n}, ${name}: element ${bad} is ${sample[k]![bad]!}; finite numbers are expected`);
    });
  });
  return samples;
}

/** The inputs to calibrate with. Throws `CalibrationError` where they do not fit the model or the distribution is none. */
export function calibrationSamples(calibration: Calibration, inputs: readonly FloatValue[]): readonly Sample[] {
  if (calibration.kind === 'data') return checked(calibration.samples, inputs);
  if (calibration.kind === 'uniform') {
    const { lo, hi, count, seed } = calibration;
    if (!(Number.isFinite(lo) && Number.isFinite(hi) && lo < hi))
      throw new CalibrationError(`uniform calibration from ${lo} to ${hi}: expected lo < hi`);
    const uniform = uniformGenerator(seed);
    return generated(inputs, count, () => lo + (hi - lo) * uniform());
  }
  const { mean, std, count, seed } = calibration;
  if (!(Number.isFinite(mean) && Number.isFinite(std) && std > 0))
    throw new CalibrationError(`normal calibration with mean ${mean} and deviation ${std}: expected a positive deviation`);
  const normal = normalGenerator(seed);
  return generated(inputs, count, () => mean + std * normal());
}

/** The range that a distribution states, or null where samples have to tell. */
export function statedRange(calibration: Calibration): readonly [number, number] | null {
  return calibration.kind === 'uniform' ? [calibration.lo, calibration.hi] : null;
}
