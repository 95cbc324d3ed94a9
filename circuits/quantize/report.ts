/** What quantizing did to each layer and output, measured on calibration inputs. */
import type { Circuit, Shape } from '../graph/circuit.ts';
import type { Built } from './build.ts';
import { quantized } from './build.ts';
import type { Sample } from './calibration.ts';
import { runFast } from './forward.ts';
import type { LinearStep, Program, Reference } from './program.ts';
import type { Quantizer } from './quantizer.ts';
import type { OpenModel } from './runner.ts';
import type { Scales } from './scales.ts';
import { referenced, runFloat, type Range } from './statistics.ts';

/** Of one layer that computes sums. */
export interface LayerReport {
  readonly name: string;
  readonly operator: string;
  readonly shape: Shape;
  /** real = scale * (byte - zero); of an int32 output, of its accumulator. */
  readonly scale: number;
  readonly zero: number;
  /** Smallest and largest shift of its channels. */
  readonly shift: readonly [number, number];
  /** Bounds of its accumulators over all input bytes. */
  readonly interval: readonly [number, number];
  /** Share of float values beyond what a byte can stand for. */
  readonly clipped: number;
  /** Signal to noise against the float model, in decibels; null where there is no noise, or no signal. */
  readonly snr: number | null;
}

export interface OutputReport {
  readonly name: string;
  /** Mean cosine of float and integer output over the inputs. */
  readonly cosine: number;
  readonly snr: number | null;
}

export interface Report {
  readonly layers: readonly LayerReport[];
  readonly outputs: readonly OutputReport[];
  readonly notes: readonly string[];
}

/** Sums over elements of float and integer values. */
class Comparison {
  private signal = 0;
  private noise = 0;
  private clipped = 0;
  private elements = 0;
  private cosines = 0;
  private inputs = 0;

  add(
    reference: Float32Array,
    { order }: Pick<Reference, 'order'>,
    integers: ArrayLike<number>,
    { scale, zero }: Quantizer,
    range: Range,
  ): void {
    let dot = 0;
    let own = 0;
    let signal = 0;
    for (let i = 0; i < reference.length; i++) {
      const x = reference[i]!;
      const y = scale * (integers[order ? order[i]! : i]! - zero);
      dot += x * y;
      own += y * y;
      signal += x * x;
      this.noise += (x - y) ** 2;
      if (x < range.lo || x > range.hi) this.clipped += 1;
    }
    this.signal += signal;
    this.elements += reference.length;
    this.cosines += cosine(dot, signal, own);
    this.inputs += 1;
  }

  get clippedShare(): number {
    return this.clipped / this.elements;
  }

  get meanCosine(): number {
    return this.cosines / this.inputs;
  }

  get decibels(): number | null {
    return this.signal > 0 && this.noise > 0 ? 10 * Math.log10(this.signal / this.noise) : null;
  }
}

/** Of two vectors of which at least one is zero: 1 if both are, else 0. */
function cosine(dot: number, a: number, b: number): number {
  if (a === 0 || b === 0) return a === b ? 1 : 0;
  return dot / Math.sqrt(a * b);
}

/** Cosine of two vectors of the same length. */
export function cosineOf(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let dot = 0;
  let left = 0;
  let right = 0;
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!;
    left += a[i]! ** 2;
    right += b[i]! ** 2;
  }
  return cosine(dot, left, right);
}

function extremes(lows: Iterable<number>, highs: Iterable<number>): readonly [number, number] {
  let lo = Infinity;
  let hi = -Infinity;
  for (const v of lows) lo = Math.min(lo, v);
  for (const v of highs) hi = Math.max(hi, v);
  return [lo, hi];
}

/** What the bytes (or the accumulators) of a step stand for. */
function meaningOf(step: LinearStep, index: number, scales: Scales): Quantizer {
  return step.quantizer === null ? { scale: scales.steps[index]!.unit, zero: 0 } : scales.quantizers[step.quantizer]!;
}

function layerReport(circuit: Circuit, step: LinearStep, index: number, scales: Scales, built: Built, comparison: Comparison): LayerReport {
  const layer = circuit.layers[index]!;
  const bounds = built.bounds[index]!;
  return {
    name: step.name,
    operator: step.operator,
    shape: step.shape,
    ...meaningOf(step, index, scales),
    shift: layer.kind === 'requantize' ? extremes(layer.shift, layer.shift) : [0, 0],
    interval: extremes(bounds.lo, bounds.hi),
    clipped: comparison.clippedShare,
    snr: comparison.decibels,
  };
}

/** Runs both models on the samples, one after another. `progress` gets the number of runs done. */
export async function reportOn(
  model: Uint8Array,
  program: Program,
  scales: Scales,
  built: Built,
  samples: readonly Sample[],
  openModel: OpenModel,
  progress: (runs: number) => void,
): Promise<Report> {
  const { circuit, weights } = built;
  const inputs = program.inputs.length;
  const own = program.inputs.map(({ quantizer }) => scales.quantizers[quantizer]!);
  const layers = program.steps.flatMap((step, index) => (step.kind === 'linear' ? [{ step, index, comparison: new Comparison() }] : []));
  const outputs = program.outputs.map((output) => ({ output, comparison: new Comparison() }));
  await runFloat(model, program, samples, openModel, (values, sample, run) => {
    const tensors = runFast(circuit, weights, quantized(sample, own));
    for (const { step, index, comparison } of layers) {
      const quantizer = meaningOf(step, index, scales);
      const { scale, zero } = quantizer;
      const range =
        step.quantizer === null ? { lo: -Infinity, hi: Infinity } : { lo: scale * (-zero - 0.5), hi: scale * (255 - zero + 0.5) };
      comparison.add(referenced(step.value, step.shape, values), step.value, tensors[inputs + index]!, quantizer, range);
    }
    for (const [k, { output, comparison }] of outputs.entries()) {
      const { scale, zero } = circuit.meaning.outputs[k]!;
      const reference = { name: output.name, through: null, order: null };
      const integers = tensors[output.tensor]!;
      const shape: Shape = [integers.length, 1, 1];
      comparison.add(referenced(reference, shape, values), reference, integers, { scale, zero }, { lo: -Infinity, hi: Infinity });
    }
    progress(run + 1);
  });
  return {
    layers: layers.map(({ step, index, comparison }) => layerReport(circuit, step, index, scales, built, comparison)),
    outputs: outputs.map(({ output, comparison }) => ({ name: output.name, cosine: comparison.meanCosine, snr: comparison.decibels })),
    notes: program.notes,
  };
}
