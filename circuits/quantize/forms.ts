/**
 * What is known of a value while a model is lowered: bytes that some layers store, seen through index maps, or a sum that no layer has stored
 * yet, so that additions, constants and an activation can still join it.
 */
import { size, type Shape } from '../graph/circuit.ts';
import { compose, inverse, type IndexMap } from './index-map.ts';
import type { Activation, FloatTerm } from './program.ts';
import { strides, type Source } from './views.ts';

/** Stored bytes: flat position i of the value is position `index[i]` of the source that covers it, or the constant `fill`. */
export interface Stored {
  readonly form: 'stored';
  readonly sources: readonly Source[];
  readonly fill: number;
}

/** A value of the ONNX file, and the position in the sum's layout of each of its flat positions. */
export interface Named {
  readonly name: string;
  readonly through: Activation | null;
  readonly order: IndexMap;
}

/** `activation(bias + sum of terms)`, not stored. */
export interface Sum {
  readonly form: 'sum';
  /** For the layer to come. */
  readonly name: string;
  readonly operator: string;
  readonly shape: Shape;
  readonly terms: readonly FloatTerm[];
  /** Per channel, or per position. */
  readonly bias: Float64Array;
  readonly activation: Activation | null;
  /** Before the activation. */
  readonly sum: Named;
  readonly value: Named;
  /** Where the only term is a multiple: what it reads, in the sum's layout. Such a sum can join the next linear layer instead of being stored. */
  readonly rescaled: readonly Source[] | null;
}

export type Form = Stored | Sum;

/** The activation after another. */
export function after(first: Activation | null, then: Activation): Activation {
  return first ? { formula: `${then.formula} of (${first.formula})`, fn: (x) => then.fn(first.fn(x)) } : then;
}

/** Flat positions that no source covers. */
export function uncovered(sources: readonly Source[], length: number): Uint8Array {
  const open = new Uint8Array(length).fill(1);
  for (const { index } of sources) {
    if (!index) return new Uint8Array(length);
    index.forEach((source, i) => {
      if (source >= 0) open[i] = 0;
    });
  }
  return open;
}

/** The constant part of stored bytes, or null where it is zero. */
export function fillField({ sources, fill }: Stored, length: number): Float64Array | null {
  if (fill === 0) return null;
  const open = uncovered(sources, length);
  return open.includes(1) ? Float64Array.from(open, (v) => v * fill) : null;
}

/** The sources seen through a map. */
export function through(outer: IndexMap, sources: readonly Source[]): Source[] {
  return sources.map(({ tensor, index }) => ({ tensor, index: compose(outer, index) }));
}

/** Sources in the layout of a sum whose value has this order. */
export function inLayout(order: IndexMap, sources: readonly Source[]): Source[] {
  return order ? through(inverse(order), sources) : [...sources];
}

/** The channel of each flat position of a shape. */
function channelOf(position: number, shape: Shape): number {
  return Math.floor(position / strides(shape)[0]);
}

/** Values per channel where all positions of a channel have the same, else null. `values`: one per position of the shape. */
export function perChannel(values: Float64Array, shape: Shape): Float64Array | null {
  const plane = strides(shape)[0];
  const result = Float64Array.from({ length: shape[0] }, (_, c) => values[c * plane]!);
  return values.every((v, n) => v === result[channelOf(n, shape)]) ? result : null;
}

/** A vector per channel or per position, per position. */
export function perPosition(values: Float64Array, shape: Shape): Float64Array {
  if (values.length === size(shape)) return values;
  return Float64Array.from({ length: size(shape) }, (_, n) => values[channelOf(n, shape)]!);
}

/** The sum of two vectors, each per channel or per position; per channel where possible. */
export function plus(a: Float64Array, b: Float64Array, shape: Shape): Float64Array {
  if (a.length !== b.length) return plus(perPosition(a, shape), perPosition(b, shape), shape);
  return a.map((v, n) => v + b[n]!);
}

/** A value's constants (one per flat position) in the layout of a sum: per channel if they are, else per position. */
export function arranged(values: Float64Array, order: IndexMap, shape: Shape): Float64Array {
  const placed = order ? new Float64Array(values.length) : values;
  if (order) values.forEach((v, i) => (placed[order[i]!] = v));
  return perChannel(placed, shape) ?? placed;
}

/** The term times a factor per output channel. */
export function scaledTerm(term: FloatTerm, factor: Float64Array): FloatTerm {
  if (term.kind !== 'convolution') return { ...term, factor: term.factor.map((v, c) => v * factor[c]!) };
  const perOutput = term.weights.length / factor.length;
  return { ...term, weights: term.weights.map((w, n) => w * factor[Math.floor(n / perOutput)]!) };
}

/** A sum without activation times a factor per channel. */
export function scaledSum(sum: Sum, factor: Float64Array): Sum {
  const perOutput = sum.bias.length / factor.length;
  return {
    ...sum,
    terms: sum.terms.map((term) => scaledTerm(term, factor)),
    bias: sum.bias.map((v, n) => v * factor[Math.floor(n / perOutput)]!),
  };
}
