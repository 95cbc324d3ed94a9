/**
 * The numbers of a program that come before its weights: quantizers of tensors, and per linear step the real number that one quotient (or one unit of an
 * int32 output) stands for. Source: the integer model, "Quantizing".
 */
import { MAX_TABLE_ROWS } from '../bounds/index.ts';
import { ModelError } from '../onnx/float-graph.ts';
import { byteFunction, CLAMP, inUnit, quotientsOf, type ByteFunction } from './activation.ts';
import { extentOf } from './extent.ts';
import type { Activation, FloatWindowSum, LinearStep, Program } from './program.ts';
import { quantizerOf, rounded, widened, type Quantizer } from './quantizer.ts';
import { rangeOf, type RangeRule } from './ranges.ts';
import type { Range, Statistics, StepStatistics } from './statistics.ts';

/** How a linear step becomes integers. */
export interface StepScale {
  /** What one quotient stands for; of an int32 output, one unit of the accumulator. */
  readonly unit: number;
  /** From quotients to bytes; null for an int32 output. */
  readonly table: ByteFunction | null;
  /** What the table wants added to the quotient: the zero point of a clamp. */
  readonly shift: number;
  /** The sum is one tensor times 1 or -1: the quotient is the byte itself, nothing is rounded. */
  readonly direct: boolean;
}

export interface Scales {
  readonly quantizers: readonly Quantizer[];
  /** By step; null for a maximum. */
  readonly steps: readonly (StepScale | null)[];
}

/** Of 2^30, what accumulators may use before the bias is corrected; of a table's rows, what one layer may. */
const ACCUMULATOR_LIMIT = 2 ** 29;
const ROW_LIMIT = 0.9 * MAX_TABLE_ROWS;
const LARGEST_WEIGHT = 127;
/** Shift of a layer of additions and window sums. */
export const ADDITION_SHIFT = 10;

const IDENTITY: Activation = { formula: 'x', fn: (x) => x };

/** The union of ranges of what each quantizer stands for. */
function quantizerRanges(program: Program, statistics: Statistics, rule: RangeRule, stated: readonly (Range | null)[]): Map<number, Range> {
  const ranges = new Map<number, Range>();
  const join = (quantizer: number, { lo, hi }: Range): void => {
    const other = ranges.get(quantizer);
    ranges.set(quantizer, { lo: Math.min(lo, other?.lo ?? lo), hi: Math.max(hi, other?.hi ?? hi) });
  };
  program.inputs.forEach(({ quantizer }, k) => {
    const { range, bytes } = statistics.inputs[k]!;
    // Pixels of 0..255 are their own bytes, whatever the calibration inputs happen to reach.
    join(quantizer, stated[k] ?? (bytes && range.hi > 1 ? { lo: 0, hi: 255 } : range));
  });
  program.steps.forEach((step, k) => {
    if (step.kind === 'linear' && step.quantizer !== null) join(step.quantizer, rangeOf(statistics.steps[k]!, rule));
  });
  return ranges;
}

/** The single term of a step that only looks bytes up: the same factor everywhere, one quantizer, one constant. */
function lookedUp({
  terms,
  bias,
  copy,
}: LinearStep): { readonly factor: number; readonly quantizer: number; readonly constant: number } | null {
  const [term, second] = terms;
  if (term?.kind !== 'multiple' || second) return null;
  const factor = term.factor[0]!;
  const quantizer = term.quantizers[0]!;
  if (factor === 0 || term.factor.some((v) => v !== factor) || term.quantizers.some((q) => q !== quantizer)) return null;
  if (copy) return { factor, quantizer, constant: 0 };
  const constant = bias[0]!;
  return bias.some((v) => v !== constant) ? null : { factor, quantizer, constant };
}

function lookupScale(step: LinearStep, own: Quantizer, quantizers: readonly Quantizer[], domain: Range): StepScale | null {
  const found = lookedUp(step);
  if (!found) return null;
  const { factor, quantizer, constant } = found;
  const unit = rounded(Math.abs(factor) * quantizers[quantizer]!.scale);
  if (step.copy) return { unit, table: CLAMP, shift: own.zero, direct: true };
  const inner = step.activation ?? IDENTITY;
  const activation =
    constant === 0 ? inner : { formula: `${inner.formula} after + ${constant}`, fn: (x: number) => inner.fn(x + constant) };
  return { unit, table: byteFunction(activation, unit, own, domain), shift: 0, direct: true };
}

/** The smallest unit with which a step's weights, accumulators and rows stay within their limits. */
function smallestUnit(step: LinearStep, quantizers: readonly Quantizer[]): number {
  const { lo, hi, largestWeight, reach } = extentOf(step, quantizers);
  const rows = step.quantizer === null ? 0 : (hi - lo) / ROW_LIMIT;
  return Math.max(largestWeight / LARGEST_WEIGHT, reach / ACCUMULATOR_LIMIT, rows);
}

/** The unit of an int32 output: the smallest that its weights allow; without weights, so small that multipliers are precise. */
function outputUnit(step: LinearStep, quantizers: readonly Quantizer[]): number {
  const factors = step.terms.flatMap((term) =>
    term.kind === 'convolution' ? [] : [...term.factor].map((f, c) => Math.abs(f) * quantizers[term.quantizers[c]!]!.scale),
  );
  const floor = smallestUnit(step, quantizers);
  const largestWeight = extentOf(step, quantizers).largestWeight;
  const precise = largestWeight > 0 ? 0 : factors.reduce((a, b) => Math.max(a, b), 0) / 2 ** ADDITION_SHIFT;
  return rounded(Math.max(floor, precise)) || 1;
}

const gcd = (a: number, b: number): number => (b ? gcd(b, a % b) : a);
/** Least common multiple. */
export const lcm = (counts: readonly number[]): number => counts.reduce((a, b) => (a / gcd(a, b)) * b, 1);

/** The scale, at least `scale`, for which an average's multiplier over 2^s is exact. */
function exactAverageScale(term: FloatWindowSum, input: Quantizer, scale: number): number {
  const divisor = lcm(term.rowCount) * lcm(term.columnCount);
  const perWindow = (Math.abs(term.factor[0]!) * input.scale) / divisor;
  // multiplier / 2^s = perWindow / scale
  for (let s = ADDITION_SHIFT; s <= 24; s++) {
    const multiplier = Math.floor((perWindow * 2 ** s) / scale);
    if (multiplier >= (s < 12 ? 8 : 1)) return (perWindow * 2 ** s) / multiplier;
  }
  return scale;
}

function onlyAverage(step: LinearStep): FloatWindowSum | null {
  const [term, second] = step.terms;
  if (term?.kind !== 'window-sum' || second) return null;
  const uniform = term.factor.every((f) => f === term.factor[0]) && term.quantizers.every((q) => q === term.quantizers[0]);
  return uniform && term.factor[0] !== 0 ? term : null;
}

/**
 * Chooses quantizers and units. `stated`: per input, the range that the caller knows, or null. Where a step's weights, accumulators or table would
 * pass their limits its output scale is raised.
 */
export function chooseScales(program: Program, statistics: Statistics, rule: RangeRule, stated: readonly (Range | null)[]): Scales {
  const ranges = quantizerRanges(program, statistics, rule, stated);
  const quantizers: Quantizer[] = Array.from({ length: program.quantizers }, () => ({ scale: 1, zero: 0 }));
  const makers = new Map<number, number>();
  program.steps.forEach((step, k) => {
    if (step.kind !== 'linear' || step.quantizer === null) return;
    makers.set(step.quantizer, (makers.get(step.quantizer) ?? 0) + 1);
    const { sum } = statistics.steps[k]!;
    const range = ranges.get(step.quantizer)!;
    quantizers[step.quantizer] = quantizerOf(range, Math.max(Math.abs(sum.lo), Math.abs(sum.hi)));
  });
  for (const { quantizer } of program.inputs) {
    makers.set(quantizer, (makers.get(quantizer) ?? 0) + 1);
    quantizers[quantizer] = quantizerOf(ranges.get(quantizer)!, 1);
  }
  program.steps.forEach((step) => {
    const average = step.kind === 'linear' ? onlyAverage(step) : null;
    if (!average || step.kind !== 'linear' || step.quantizer === null || makers.get(step.quantizer) !== 1) return;
    const own = quantizers[step.quantizer]!;
    if (step.activation) return;
    quantizers[step.quantizer] = widened(own, exactAverageScale(average, quantizers[average.quantizers[0]!]!, own.scale));
  });
  return { quantizers, steps: settleUnits(program, statistics, quantizers) };
}

/** Rounds of raising scales; one is enough unless quantizers are shared. */
const MAX_ROUNDS = 32;

/** Units of all steps. Raises scales in `quantizers` until every step is within its limits. */
function settleUnits(program: Program, statistics: Statistics, quantizers: Quantizer[]): (StepScale | null)[] {
  let beyond: LinearStep | null = null;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    beyond = null;
    const scales: (StepScale | null)[] = [];
    for (const [k, step] of program.steps.entries()) {
      if (step.kind === 'maximum') {
        scales.push(null);
        continue;
      }
      if (step.quantizer === null) {
        scales.push({ unit: outputUnit(step, quantizers), table: null, shift: 0, direct: false });
        continue;
      }
      const own = quantizers[step.quantizer]!;
      const { sum: domain } = statistics.steps[k] as StepStatistics;
      const direct = lookupScale(step, own, quantizers, domain);
      if (direct) {
        scales.push(direct);
        continue;
      }
      const quotients = quotientsOf(step.activation, own, domain);
      const floor = smallestUnit(step, quantizers);
      if (quotients.unit >= floor) scales.push({ ...quotients, direct: false });
      else if (quotients.table !== CLAMP) scales.push({ ...inUnit(step.activation!, rounded(floor * 1.001), own, domain), direct: false });
      else {
        quantizers[step.quantizer] = widened(own, (own.scale * floor * 1.001) / quotients.unit);
        beyond = step;
      }
    }
    if (!beyond) return scales;
  }
  throw new ModelError('no scale keeps weights, accumulators and table rows within their limits', {
    node: beyond!.name,
    operator: beyond!.operator,
    hint: 'the tensors that are read together with it have very different ranges',
  });
}
