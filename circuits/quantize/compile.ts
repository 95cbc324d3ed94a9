/**
 * The compiler: a float ONNX model becomes an integer circuit. The same file, calibration, options and version give the same circuit, byte for byte, in
 * Node and in a page. Source: the integer model.
 */
import type { Circuit } from '../graph/circuit.ts';
import type { Hash } from '../graph/encoding.ts';
import { ModelError } from '../onnx/float-graph.ts';
import { readModel } from '../onnx/read.ts';
import { buildCircuit, type Naming } from './build.ts';
import { calibrationSamples, statedRange, type Calibration } from './calibration.ts';
import { lower } from './lower.ts';
import type { Normalization } from './program.ts';
import type { RangeRule } from './ranges.ts';
import { reportOn, type Report } from './report.ts';
import type { OpenModel } from './runner.ts';
import { chooseScales } from './scales.ts';
import { gatherStatistics, type Range } from './statistics.ts';

export interface CompileOptions {
  readonly calibration: Calibration;
  /** How the range of a tensor's bytes is chosen; `minmax` by default, `auto` tries all and keeps the best signal-to-noise at the outputs. */
  readonly ranges?: RangeRule | 'auto';
  /** Dimensions of inputs that the file leaves open, by name. */
  readonly shapes?: Readonly<Record<string, readonly number[]>>;
  /** Per input, the range of real values that its bytes stand for; by default that of the stated distribution, or what the calibration inputs reach. */
  readonly inputRanges?: readonly (readonly [number, number])[];
  /** The circuit reads bytes of 0..255, the model `(byte - mean) / std`, per channel. Calibration inputs are bytes then. Refused where the first layer pads. */
  readonly normalization?: Normalization;
  /** One per element of the first output. */
  readonly labels?: readonly string[];
  /** About the inputs: colour order and the like. */
  readonly note?: string;
}

export interface Progress {
  readonly phase: 'calibrate' | 'quantize' | 'compare';
  readonly done: number;
  readonly total: number;
}

/** What a platform may lend. */
export interface Platform {
  readonly openModel: OpenModel;
  /** BLAKE3 in derive-key mode; by default the one of @noble/hashes. */
  readonly hash?: Hash;
}

export interface Compiled {
  readonly circuit: Circuit;
  readonly weights: readonly Int8Array[];
  readonly report: Report;
  /** The rule that was used, also where `auto` chose it. */
  readonly ranges: RangeRule;
}

/** What `auto` tries. */
const RULES: readonly RangeRule[] = ['minmax', { percentile: 99.99 }, 'mse'];

function rangesOfInputs(options: CompileOptions, names: readonly string[]): (Range | null)[] {
  const { inputRanges, calibration } = options;
  if (inputRanges && inputRanges.length !== names.length)
    throw new ModelError(`${inputRanges.length} input ranges are given, the model has ${names.length} inputs`);
  return names.map((name, k) => {
    const range = options.normalization ? ([0, 255] as const) : (inputRanges?.[k] ?? statedRange(calibration));
    if (!range) return null;
    const [lo, hi] = range;
    if (!(Number.isFinite(lo) && Number.isFinite(hi) && lo < hi)) throw new ModelError(`the range ${lo} to ${hi} is none`, { node: name });
    return { lo, hi };
  });
}

/** What a person should know of the inputs. */
function noteOf({ note = '', normalization }: CompileOptions): string {
  if (!normalization) return note;
  const { mean, std } = normalization;
  return [note, `the model reads (byte - mean) / std, mean ${mean.join(', ')}, std ${std.join(', ')}`].filter(Boolean).join('; ');
}

/** Mean signal-to-noise of the outputs, in decibels; where there is no noise, more than any. */
function quality({ outputs }: Report): number {
  return outputs.reduce((sum, { snr }) => sum + (snr ?? 1000), 0) / outputs.length;
}

/**
 * Compiles a model. Throws `ModelError` where the file cannot be read, an operator has no integer form, calibration does not fit the model, a value is
 * not finite, or a bound cannot be kept; it names node and operator.
 * @example
 * const { circuit, weights } = await compile(bytes, { calibration: { kind: 'uniform', lo: 0, hi: 255, count: 32, seed: 1 } }, { openModel });
 */
export async function compile(
  model: Uint8Array,
  options: CompileOptions,
  { openModel, hash }: Platform,
  onProgress: (progress: Progress) => void = () => undefined,
): Promise<Compiled> {
  const graph = readModel(model, options.shapes ? { shapes: options.shapes } : {});
  const normalization = options.normalization ?? null;
  const program = lower(graph, normalization);
  const stated = rangesOfInputs(
    options,
    graph.inputs.map(({ name }) => name),
  );
  const samples = calibrationSamples(options.calibration, graph.inputs);
  const wanted = options.ranges ?? 'minmax';
  const histograms = wanted !== 'minmax';
  const statistics = await gatherStatistics(model, program, samples, openModel, histograms, (done) => {
    onProgress({ phase: 'calibrate', done, total: samples.length * (histograms ? 2 : 1) });
  });
  const naming: Naming = { labels: options.labels ?? [], note: noteOf(options) };
  let best: Compiled | null = null;
  for (const ranges of wanted === 'auto' ? RULES : [wanted]) {
    const scales = chooseScales(program, statistics, ranges, stated);
    const built = buildCircuit(program, scales, statistics, samples, naming, hash, (done) => {
      onProgress({ phase: 'quantize', done, total: program.steps.length });
    });
    const report = await reportOn(model, program, scales, built, samples, openModel, (done) => {
      onProgress({ phase: 'compare', done, total: samples.length });
    });
    if (!best || quality(report) > quality(best.report)) best = { circuit: built.circuit, weights: built.weights, report, ranges };
  }
  return best!;
}
