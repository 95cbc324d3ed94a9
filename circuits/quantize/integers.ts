/**
 * The integers of a linear layer. Power-of-two requantization, `w_int = w s_x 2^s / unit`: per channel the largest shift s up to 12 that keeps
 * every |w_int| at most 127 and the accumulator in range; additions and window sums alone have s = 10. Source: the integer model, "Quantizing".
 */
import type { Term } from '../graph/circuit.ts';
import { weightsHash, type Hash } from '../graph/encoding.ts';
import { ModelError } from '../onnx/float-graph.ts';
import type { FloatConvolution, FloatTerm, LinearStep } from './program.ts';
import type { Quantizer } from './quantizer.ts';
import { ADDITION_SHIFT, lcm, type StepScale } from './scales.ts';

export const LARGEST_SHIFT = 12;
/** What table and proof allow; reached by sums over thousands only. */
const LARGEST_SUM_SHIFT = 24;
const LARGEST_WEIGHT = 127;
/** Of 2^30: the rest is for the correction of the bias. */
const ACCUMULATOR_LIMIT = 2 ** 30 - 2 ** 26;

export interface IntegerTerms {
  readonly terms: readonly Term[];
  /** Of the convolutions, in order. */
  readonly weights: readonly Int8Array[];
  /** Per channel; of an int32 output all 0. */
  readonly shift: Uint8Array;
}

/** Positions of a term's weights that belong to channel c: `real[k] * scale of its input channel`, in units of the quotient. */
function convolutionRow(term: FloatConvolution, c: number, channels: number, quantizers: readonly Quantizer[], unit: number): Float64Array {
  const inside = term.operand.shape[0] / term.groups;
  const taps = term.kernel[0] * term.kernel[1];
  const firstChannel = Math.floor(c / (channels / term.groups)) * inside;
  return Float64Array.from({ length: inside * taps }, (_, n) => {
    const { scale } = quantizers[term.quantizers[firstChannel + Math.floor(n / taps)]!]!;
    return (term.weights[c * inside * taps + n]! * scale) / unit;
  });
}

/** The multiplier of a multiple or window sum, before rounding. */
function multiplierOf(term: Exclude<FloatTerm, FloatConvolution>, c: number, quantizers: readonly Quantizer[], unit: number): number {
  const plain = (term.factor[c]! * quantizers[term.quantizers[c]!]!.scale) / unit;
  return term.kind === 'multiple' ? plain : plain / (lcm(term.rowCount) * lcm(term.columnCount));
}

/** A channel in units of the quotient: weights of each convolution, multiplier of each other term. */
interface Channel {
  readonly rows: readonly Float64Array[];
  readonly multipliers: readonly number[];
  /** Largest number of positions that a multiplier is applied to, by other term. */
  readonly counts: readonly number[];
  readonly bias: number;
}

/** Does the accumulator of a channel stay in range with this shift, and each weight within a byte? */
function fits({ rows, multipliers, counts, bias }: Channel, shift: number): boolean {
  const unit = 2 ** shift;
  let reach = (Math.abs(bias) + 1) * unit;
  for (const row of rows) {
    for (const w of row) {
      const weight = Math.round(Math.abs(w) * unit);
      if (weight > LARGEST_WEIGHT) return false;
      reach += 255 * weight;
    }
  }
  multipliers.forEach((m, k) => (reach += 255 * counts[k]! * Math.round(Math.abs(m) * unit)));
  return reach < ACCUMULATOR_LIMIT;
}

/** Steps of a byte by which the rounding of multipliers can move a sum of additions and windows. */
function roundingError({ multipliers, counts }: Channel, shift: number): number {
  return multipliers.reduce((sum, m, k) => {
    const real = m * 2 ** shift;
    return sum + (255 * counts[k]! * Math.abs(Math.round(real) - real)) / 2 ** shift;
  }, 0);
}

/**
 * The shift of a channel without weights: 10, or as much more as makes the multipliers precise to a quarter of a step. More than 12, which costs a second
 * limb, only where 12 would be off by more than two steps.
 */
function additionShift(channel: Channel): number {
  for (let s = ADDITION_SHIFT; s <= LARGEST_SUM_SHIFT; s++) {
    const error = roundingError(channel, s);
    if (error <= 0.25 || (s === LARGEST_SHIFT && error <= 2)) return s;
  }
  return LARGEST_SUM_SHIFT;
}

/** The shift of a channel, or -1 where none fits. */
function shiftOf(channel: Channel): number {
  let s = 0;
  if (channel.rows.some((row) => row.some((w) => w !== 0))) s = LARGEST_SHIFT;
  else if (channel.multipliers.some((m) => m !== 0)) s = additionShift(channel);
  while (s >= 0 && !fits(channel, s)) s -= 1;
  return s;
}

function channelOf(step: LinearStep, c: number, quantizers: readonly Quantizer[], scale: StepScale): Channel {
  const { unit, shift } = scale;
  const rows: Float64Array[] = [];
  const multipliers: number[] = [];
  const counts: number[] = [];
  for (const term of step.terms) {
    if (term.kind === 'convolution') rows.push(convolutionRow(term, c, step.shape[0], quantizers, unit));
    else {
      multipliers.push(multiplierOf(term, c, quantizers, unit));
      const factors = (n: readonly number[]): number => lcm(n) / Math.min(...n);
      counts.push(term.kind === 'multiple' ? 1 : term.kernel[0] * term.kernel[1] * factors(term.rowCount) * factors(term.columnCount));
    }
  }
  const perChannel = step.bias.length / step.shape[0];
  let bias = 0;
  for (let k = c * perChannel; k < (c + 1) * perChannel && !isInTable(step, scale); k++)
    bias = Math.max(bias, Math.abs(step.bias[k]! / unit));
  return { rows, multipliers, counts, bias: bias + shift };
}

function integerTerm(term: FloatTerm, weights: Int8Array | null, multiplier: Int32Array, hash: Hash | undefined): Term {
  const { operand } = term;
  if (term.kind === 'convolution') {
    const { kernel, stride, pad, dilation, groups } = term;
    return {
      kind: 'convolution',
      operand,
      kernel,
      stride,
      pad,
      dilation,
      groups,
      weights: { kind: 'public', hash: weightsHash(weights!, hash) },
    };
  }
  if (term.kind === 'multiple') return { kind: 'multiple', operand, multiplier };
  const { kernel, stride, pad, rowCount, columnCount } = term;
  const factors = (counts: readonly number[]): Int32Array => Int32Array.from(counts, (n) => lcm(counts) / n);
  return { kind: 'window-sum', operand, multiplier, kernel, stride, pad, rowFactor: factors(rowCount), columnFactor: factors(columnCount) };
}

/** Weights, multipliers and shifts of a step. Throws `ModelError` where a channel has no shift. */
export function integerTerms(step: LinearStep, quantizers: readonly Quantizer[], scale: StepScale, hash: Hash | undefined): IntegerTerms {
  const channels = step.shape[0];
  const shift = new Uint8Array(channels);
  const convolutions = step.terms.filter((term) => term.kind === 'convolution');
  const others = step.terms.filter((term) => term.kind !== 'convolution');
  const weights = convolutions.map((term) => new Int8Array(term.weights.length));
  const multipliers = others.map(() => new Int32Array(channels));
  for (let c = 0; c < channels; c++) {
    const channel = channelOf(step, c, quantizers, scale);
    const s = scale.table === null || scale.direct ? (fits(channel, 0) ? 0 : -1) : shiftOf(channel);
    if (s < 0) {
      throw new ModelError(`rule (iii): no shift keeps the weights of channel ${c} within 127 and its accumulator within 2^30`, {
        node: step.name,
        operator: step.operator,
      });
    }
    shift[c] = s;
    channel.rows.forEach((row, k) => row.forEach((w, n) => (weights[k]![c * row.length + n] = Math.round(w * 2 ** s))));
    channel.multipliers.forEach((m, k) => (multipliers[k]![c] = Math.round(m * 2 ** s)));
  }
  const terms = step.terms.map((term) =>
    term.kind === 'convolution'
      ? integerTerm(term, weights[convolutions.indexOf(term)]!, new Int32Array(), hash)
      : integerTerm(term, null, multipliers[others.indexOf(term)]!, hash),
  );
  return { terms, weights, shift };
}

/** Where bytes are looked up, the constant is part of the function; a copy has none but what fills uncovered positions. */
function isInTable(step: LinearStep, { direct }: StepScale): boolean {
  return direct && !step.copy;
}

/** The bias in units of `unit / 2^s`, with what the table wants added. */
export function integerBias(step: LinearStep, scale: StepScale, shift: Uint8Array): Int32Array {
  if (isInTable(step, scale)) return new Int32Array(step.shape[0]);
  const { unit, shift: added } = scale;
  const perChannel = step.bias.length / step.shape[0];
  return Int32Array.from(step.bias, (b, n) => Math.round((b / unit + added) * 2 ** shift[Math.floor(n / perChannel)]!));
}
