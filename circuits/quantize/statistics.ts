/** What calibration inputs tell of a program's values: ranges, means per channel, histograms. One input at a time, so that memory holds one run. */
import { size, type Shape } from '../graph/circuit.ts';
import { ModelError } from '../onnx/float-graph.ts';
import type { Sample } from './calibration.ts';
import { normalizedSample } from './normalization.ts';
import type { LinearStep, Program, Reference } from './program.ts';
import type { ModelSession, OpenModel } from './runner.ts';

/** Smallest and largest. */
export interface Range {
  readonly lo: number;
  readonly hi: number;
}

/** Counts of values in `counts.length` equal intervals of a range. */
export interface Histogram extends Range {
  readonly counts: Float64Array;
}

export interface StepStatistics {
  /** Before the activation. */
  readonly sum: Range;
  /** Per channel, mean of the sum over inputs and positions. */
  readonly means: Float64Array;
  /** As stored. */
  readonly value: Range;
  /** Of the stored values; null where none was asked for. */
  readonly histogram: Histogram | null;
}

export interface Statistics {
  readonly inputs: readonly { readonly range: Range; /** Only whole numbers from 0 to 255. */ readonly bytes: boolean }[];
  /** By step; null for a maximum. */
  readonly steps: readonly (StepStatistics | null)[];
}

/** Float values of one run. */
export type FloatValues = (name: string) => Float32Array;

/** Runs a model on samples, one after another. `use` gets the values that the program refers to. Throws `ModelError` where a value is missing, has another size or is not finite. */
export async function runFloat(
  model: Uint8Array,
  program: Program,
  samples: readonly Sample[],
  openModel: OpenModel,
  use: (values: FloatValues, sample: Sample, index: number) => void | Promise<void>,
): Promise<void> {
  const own = new Set(program.inputs.map(({ name }) => name));
  const linear = program.steps.filter((step): step is LinearStep => step.kind === 'linear');
  const references = linear.flatMap((step) => [step.sum, step.value]).map(({ name }) => name);
  const names = [...new Set([...references, ...program.outputs.map(({ name }) => name)])].filter((name) => !own.has(name));
  const session: ModelSession = await openModel(model, names);
  try {
    for (const [index, sample] of samples.entries()) {
      const read = normalizedSample(sample, program.inputs, program.normalization);
      const feeds = Object.fromEntries(program.inputs.map(({ name, dims }, k) => [name, { dims, data: read[k]! }]));
      const run = await session.run(feeds);
      const values: FloatValues = (name) => {
        const at = program.inputs.findIndex((input) => input.name === name);
        const data = at >= 0 ? read[at]! : run[name]?.data;
        if (!(data instanceof Float32Array)) throw new ModelError('the float run gives no float32 value of this name', { node: name });
        return data;
      };
      await use(values, sample, index);
    }
  } finally {
    await session.close();
  }
}

/** The float values that a reference names, in the ONNX order. Throws `ModelError` unless all are finite. */
export function referenced({ name, through }: Reference, shape: Shape, values: FloatValues): Float32Array {
  const data = values(name);
  if (data.length !== size(shape))
    throw new ModelError(`the float run gives ${data.length} elements, expected ${size(shape)}`, { node: name });
  const result = through ? data.map(through.fn) : data;
  const bad = result.findIndex((v) => !Number.isFinite(v));
  if (bad >= 0) {
    throw new ModelError(`element ${bad} is ${result[bad]!} in the float run of a calibration input; finite numbers are expected`, {
      node: name,
    });
  }
  return result;
}

class MutableRange implements Range {
  lo = Infinity;
  hi = -Infinity;

  add(values: Float32Array): void {
    let { lo, hi } = this;
    for (const v of values) {
      if (v < lo) lo = v;
      if (v > hi) hi = v;
    }
    this.lo = lo;
    this.hi = hi;
  }
}

function addChannelSums(sums: Float64Array, values: Float32Array, { order }: Reference, shape: Shape): void {
  const plane = shape[1] * shape[2];
  if (order) {
    values.forEach((v, i) => (sums[Math.floor(order[i]! / plane)]! += v));
    return;
  }
  for (let c = 0, n = 0; c < shape[0]; c++) {
    let sum = 0;
    for (const end = n + plane; n < end; n++) sum += values[n]!;
    sums[c]! += sum;
  }
}

const BINS = 4096;

function count(histogram: Histogram, values: Float32Array): void {
  const { lo, hi, counts } = histogram;
  if (!(hi > lo)) return;
  const perUnit = counts.length / (hi - lo);
  for (const v of values) counts[Math.min(counts.length - 1, Math.max(0, Math.floor((v - lo) * perUnit)))]! += 1;
}

/**
 * Gathers statistics of a program's values over samples, in one pass, or with `histograms` in two. `progress` gets the number of runs done. Throws
 * `ModelError` where a value is not finite.
 */
export async function gatherStatistics(
  model: Uint8Array,
  program: Program,
  samples: readonly Sample[],
  openModel: OpenModel,
  histograms: boolean,
  progress: (runs: number) => void,
): Promise<Statistics> {
  const inputs = program.inputs.map(() => ({ range: new MutableRange(), bytes: true }));
  const steps = program.steps.map((step) =>
    step.kind === 'linear' ? { step, sum: new MutableRange(), sums: new Float64Array(step.shape[0]), value: new MutableRange() } : null,
  );
  await runFloat(model, program, samples, openModel, (values, sample, index) => {
    inputs.forEach((input, k) => {
      input.range.add(sample[k]!);
      input.bytes &&= sample[k]!.every((v) => Number.isInteger(v) && v >= 0 && v <= 255);
    });
    for (const entry of steps) {
      if (!entry) continue;
      const { step, sum, sums, value } = entry;
      const before = referenced(step.sum, step.shape, values);
      sum.add(before);
      addChannelSums(sums, before, step.sum, step.shape);
      value.add(step.activation ? referenced(step.value, step.shape, values) : before);
    }
    progress(index + 1);
  });
  const counts = steps.map((entry): Histogram | null =>
    entry && histograms ? { lo: entry.value.lo, hi: entry.value.hi, counts: new Float64Array(BINS) } : null,
  );
  if (histograms) {
    await runFloat(model, program, samples, openModel, (values, _sample, index) => {
      steps.forEach((entry, k) => {
        if (entry) count(counts[k]!, referenced(entry.step.value, entry.step.shape, values));
      });
      progress(samples.length + index + 1);
    });
  }
  return {
    inputs,
    steps: steps.map((entry, k): StepStatistics | null => {
      if (!entry) return null;
      const { step, sum, sums, value } = entry;
      const perChannel = samples.length * step.shape[1] * step.shape[2];
      return { sum, means: sums.map((v) => v / perChannel), value, histogram: counts[k]! };
    }),
  };
}
