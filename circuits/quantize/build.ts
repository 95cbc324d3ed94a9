/**
 * The circuit of a program: integers layer by layer, in order, each layer's bias corrected by what calibration inputs show. Source: the integer
 * model, "Quantizing".
 */
import { checkCircuit, quotientBounds } from '../bounds/index.ts';
import { accumulatorBounds, type Intervals } from '../bounds/intervals.ts';
import { size, zeroOf, type Circuit, type Layer, type LinearLayer, type Requantize, type TensorMeaning } from '../graph/circuit.ts';
import type { Hash } from '../graph/encoding.ts';
import { CircuitRefusal } from '../graph/refusal.ts';
import { ModelError } from '../onnx/float-graph.ts';
import type { Sample } from './calibration.ts';
import { accumulateFast, maximumFast, requantized, type Frame } from './forward.ts';
import { integerBias, integerTerms } from './integers.ts';
import type { LinearStep, Program, Step } from './program.ts';
import { byteOf, type Quantizer } from './quantizer.ts';
import type { Scales, StepScale } from './scales.ts';
import type { Statistics, StepStatistics } from './statistics.ts';
import { Tables } from './tables.ts';

/** Texts that a circuit carries for people. */
export interface Naming {
  /** Per element of the first output. */
  readonly labels: readonly string[];
  /** Of the inputs: colour order and the like. */
  readonly note: string;
}

export interface Built {
  readonly circuit: Circuit;
  readonly weights: Int8Array[];
  /** By layer: exact bounds of accumulators; null for a maximum. */
  readonly bounds: readonly (Intervals | null)[];
}

/** The bytes of a sample. */
export function quantized(sample: Sample, quantizers: readonly Quantizer[]): Uint8Array[] {
  return sample.map((values, k) => Uint8Array.from(values, (v) => byteOf(v, quantizers[k]!)));
}

/** After which step each tensor is read for the last time. */
function lastReaders(program: Program): Int32Array {
  const inputs = program.inputs.length;
  const last = new Int32Array(inputs + program.steps.length).fill(-1);
  program.steps.forEach((step, k) => {
    const views = step.kind === 'maximum' ? [step.a, step.b] : step.terms.map((term) => term.operand);
    for (const view of views) for (const { tensor } of view.parts) last[tensor] = k;
  });
  return last;
}

class Builder {
  private readonly layers: Layer[] = [];
  private readonly weights: Int8Array[] = [];
  private readonly bounds: (Intervals | null)[] = [];
  private readonly tables = new Tables();
  /** Per calibration input, the bytes of tensors that are still to be read. */
  private readonly runs: Uint8Array[][];
  private readonly frame: Frame;

  private readonly program: Program;
  private readonly scales: Scales;
  private readonly statistics: Statistics;
  private readonly hash: Hash | undefined;

  constructor(program: Program, scales: Scales, statistics: Statistics, samples: readonly Sample[], hash: Hash | undefined) {
    this.program = program;
    this.scales = scales;
    this.statistics = statistics;
    this.hash = hash;
    const { quantizers } = scales;
    const own = program.inputs.map(({ quantizer }) => quantizers[quantizer]!);
    this.runs = samples.map((sample) => quantized(sample, own));
    this.frame = { inputs: program.inputs.map(({ shape }, k) => ({ shape, zero: own[k]!.zero })), layers: this.layers };
  }

  add(step: Step, k: number): void {
    if (step.kind === 'maximum') {
      const zero = this.scales.quantizers[step.quantizer]!.zero;
      this.layers.push({ kind: 'maximum', name: step.name, shape: step.shape, zero, a: step.a, b: step.b });
      this.bounds.push(null);
      for (const run of this.runs) run.push(maximumFast(this.frame, step.a, step.b, run));
      return;
    }
    this.addLinear(step, this.scales.steps[k]!, this.statistics.steps[k]!);
  }

  /** Forgets the bytes of a tensor. */
  forget(tensor: number): void {
    for (const run of this.runs) run[tensor] = new Uint8Array();
  }

  private addLinear(step: LinearStep, scale: StepScale, { means }: StepStatistics): void {
    const { quantizers } = this.scales;
    const { terms, weights, shift } = integerTerms(step, quantizers, scale, this.hash);
    const bias = integerBias(step, scale, shift);
    const shared = { name: step.name, shape: step.shape, terms };
    const draft: LinearLayer = { kind: 'accumulate', ...shared, bias };
    const sums = this.runs.map((run) => accumulateFast(this.frame, draft, weights, run));
    const correction = scale.direct ? new Int32Array(step.shape[0]) : corrections(step, scale, shift, means, sums);
    const plane = size(step.shape) / step.shape[0];
    const perChannel = bias.length / step.shape[0];
    const corrected = bias.map((b, n) => b + correction[Math.floor(n / perChannel)]!);
    for (const acc of sums) acc.forEach((v, n) => (acc[n] = v + correction[Math.floor(n / plane)]!));
    this.weights.push(...weights);
    if (step.quantizer === null || !scale.table) {
      const layer: LinearLayer = { kind: 'accumulate', ...shared, bias: corrected };
      this.layers.push(layer);
      this.bounds.push(this.boundsOf(layer, weights));
      for (const run of this.runs) run.push(new Uint8Array());
      return;
    }
    const { zero } = quantizers[step.quantizer]!;
    const open: Requantize = { kind: 'requantize', ...shared, zero, bias: corrected, shift, table: 0 };
    const bounds = this.boundsOf(open, weights);
    const { lo, hi } = quotientBounds(open, bounds);
    const first = lo.reduce((a, b) => Math.min(a, b));
    const last = hi.reduce((a, b) => Math.max(a, b));
    const largest = shift.reduce((a, b) => Math.max(a, b));
    const table = this.tables.add(scale.table, first, last, largest);
    this.layers.push({ ...open, table });
    this.bounds.push(bounds);
    this.runs.forEach((run, k) => run.push(requantized(open, sums[k]!, scale.table!.at)));
  }

  private boundsOf(layer: LinearLayer, weights: readonly Int8Array[]): Intervals {
    return accumulatorBounds(this.frame as Circuit, layer, weights);
  }

  finish(naming: Naming): Built {
    const { program, scales, layers, weights, bounds } = this;
    const inputs = this.frame.inputs;
    const meaningOf = (
      name: string,
      dims: readonly number[],
      { scale, zero }: Quantizer,
      texts: Partial<TensorMeaning>,
    ): TensorMeaning => ({
      name,
      dims,
      scale,
      zero,
      note: '',
      labels: [],
      ...texts,
    });
    const frame: Circuit = {
      inputs,
      layers,
      outputs: program.outputs.map(({ tensor }) => tensor),
      tables: this.tables.finish(),
      weightRoot: null,
      meaning: { inputs: [], outputs: [] },
    };
    const outputs = program.outputs.map(({ name, dims, tensor }, k) => {
      const step = tensor - inputs.length;
      const own = program.steps[step]!;
      const scale = own.quantizer === null ? scales.steps[step]!.unit : scales.quantizers[own.quantizer]!.scale;
      return meaningOf(name, dims, { scale, zero: zeroOf(frame, tensor) }, k === 0 ? { labels: naming.labels } : {});
    });
    const meaning = {
      inputs: program.inputs.map(({ name, dims, quantizer }) =>
        meaningOf(name, dims, scales.quantizers[quantizer]!, { note: naming.note }),
      ),
      outputs,
    };
    const circuit: Circuit = { ...frame, meaning };
    checkedCircuit(circuit, weights, this.hash);
    return { circuit, weights, bounds };
  }
}

/**
 * Per channel, what to add to the bias: the mean over calibration inputs and positions of (float sum - accumulator), in units of the accumulator. `sums`:
 * accumulators with the bias as it is.
 */
function corrections(step: LinearStep, scale: StepScale, shift: Uint8Array, means: Float64Array, sums: readonly Int32Array[]): Int32Array {
  const plane = size(step.shape) / step.shape[0];
  return Int32Array.from(means, (mean, c) => {
    let total = 0;
    for (const acc of sums) for (let n = c * plane; n < (c + 1) * plane; n++) total += acc[n]!;
    return Math.round((mean / scale.unit + scale.shift) * 2 ** shift[c]! - total / (sums.length * plane));
  });
}

function checkedCircuit(circuit: Circuit, weights: readonly Int8Array[], hash: Hash | undefined): void {
  try {
    checkCircuit(circuit, weights, hash);
  } catch (error) {
    if (!(error instanceof CircuitRefusal)) throw error;
    throw new ModelError(`the circuit would be refused: ${error.message}`, { node: error.layer });
  }
}

/** Builds and checks the circuit. `progress` gets the number of steps done. Throws `ModelError` naming layer and rule where it may not be proven. */
export function buildCircuit(
  program: Program,
  scales: Scales,
  statistics: Statistics,
  samples: readonly Sample[],
  naming: Naming,
  hash: Hash | undefined,
  progress: (steps: number) => void,
): Built {
  const builder = new Builder(program, scales, statistics, samples, hash);
  const last = lastReaders(program);
  program.steps.forEach((step, k) => {
    builder.add(step, k);
    last.forEach((reader, tensor) => {
      if (reader === k) builder.forget(tensor);
    });
    progress(k + 1);
  });
  return builder.finish(naming);
}
