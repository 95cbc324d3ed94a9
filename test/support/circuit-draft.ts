/**
 * Makes small circuits for tests: layers are added one by one, tables are built at the end to hold every quotient that the layers that
 * share them can have.
 */
import { blake3 } from '@noble/hashes/blake3.js';
import {
  convolutions,
  roundingOffset,
  shapeOf,
  size,
  wholeTensor,
  zeroOf,
  type Circuit,
  type Convolution,
  type Layer,
  type LinearLayer,
  type Multiple,
  type Part,
  type Requantize,
  type Shape,
  type Table,
  type Tensor,
  type TensorMeaning,
  type Term,
  type View,
  type WindowSum,
} from '../../circuits/graph/circuit.ts';
import { commitVector } from './plain-prover/commitment.ts';
import { weightVector } from './plain-prover/prove.ts';
import { seededGenerator } from './random.ts';

/** A circuit, its weights, and one input for it. */
export interface Sample {
  readonly name: string;
  readonly circuit: Circuit;
  readonly weights: Int8Array[];
  readonly inputs: Uint8Array[];
}

/** A function of the quotient; layers that name the same one share a table. */
export type Activation = (quotient: number) => number;

export const clamp: Activation = (q) => Math.min(255, Math.max(0, q));
export const clampAround128: Activation = (q) => clamp(q + 128);
/** Neither monotone nor injective. */
export const wavy: Activation = (q) => (((Math.floor((q * q) / 50) + 40) % 256) + 256) % 256;

type Pair = readonly [number, number];

export interface ConvolutionOptions {
  readonly kernel?: Pair;
  readonly stride?: Pair;
  readonly pad?: Pair;
  readonly dilation?: Pair;
  readonly groups?: number;
  /** Largest magnitude of the weights of a channel. */
  readonly magnitude?: (channel: number) => number;
  /** The weights themselves, in order, in place of random ones. */
  readonly value?: (index: number) => number;
}

export class CircuitDraft {
  private readonly random: () => number;
  private readonly inputs: Tensor[] = [];
  private readonly layers: Layer[] = [];
  private readonly activations: Activation[] = [];
  private readonly weights = new Map<Term, Int8Array>();

  constructor(seed: number) {
    this.random = seededGenerator(seed);
  }

  /** An integer from low to high, both included. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.random() * (high - low + 1));
  }

  /** The circuit so far, as far as shapes and zero points go. */
  private get soFar(): Circuit {
    return { inputs: this.inputs, layers: this.layers, outputs: [], tables: [], weightRoot: null, meaning: { inputs: [], outputs: [] } };
  }

  private add(layer: Layer): number {
    return this.inputs.length + this.layers.push(layer) - 1;
  }

  input(shape: Shape, zero: number): number {
    return this.inputs.push({ shape, zero }) - 1;
  }

  shape(tensor: number): Shape {
    return shapeOf(this.soFar, tensor);
  }

  convolution(operand: View, outputs: number, options: ConvolutionOptions = {}): Convolution {
    const { kernel = [1, 1], stride = [1, 1], pad = [0, 0], dilation = [1, 1], groups = 1, magnitude = () => 5, value } = options;
    const perChannel = (operand.shape[0] / groups) * kernel[0] * kernel[1];
    const values = Int8Array.from({ length: outputs * perChannel }, (_, n) => {
      if (value) return value(n);
      const most = magnitude(Math.floor(n / perChannel));
      return this.integer(-most, most);
    });
    const hash = blake3(new Uint8Array(values.buffer), { context: new TextEncoder().encode('veritab 1 weights') });
    const term: Convolution = { kind: 'convolution', operand, kernel, stride, pad, dilation, groups, weights: { kind: 'public', hash } };
    this.weights.set(term, values);
    return term;
  }

  requantize(
    name: string,
    shape: Shape,
    zero: number,
    bias: readonly number[],
    terms: Term[],
    shift: readonly number[],
    activation: Activation,
  ): number {
    if (!this.activations.includes(activation)) this.activations.push(activation);
    const table = this.activations.indexOf(activation);
    return this.add({ kind: 'requantize', name, shape, zero, bias: Int32Array.from(bias), terms, shift: Uint8Array.from(shift), table });
  }

  maximum(name: string, zero: number, a: View, b: View): number {
    return this.add({ kind: 'maximum', name, shape: a.shape, zero, a, b });
  }

  accumulate(name: string, shape: Shape, bias: readonly number[], terms: Term[]): number {
    return this.add({ kind: 'accumulate', name, shape, bias: Int32Array.from(bias), terms });
  }

  // ---- operands ---------------------------------------------------------------------------------------------------------------------

  whole(tensor: number): View {
    return wholeTensor(tensor, this.shape(tensor));
  }

  /** Positions start, start + step, .. of one axis; those outside are not covered. */
  strided(tensor: number, axis: 0 | 1 | 2, start: number, step: number, count: number): View {
    const length = this.shape(tensor)[axis];
    return this.selected(
      tensor,
      axis,
      Array.from({ length: count }, (_, k) => {
        const index = start + k * step;
        return index >= 0 && index < length ? index : -1;
      }),
    );
  }

  /** Any positions of one axis. */
  selected(tensor: number, axis: 0 | 1 | 2, positions: readonly number[]): View {
    const whole = this.whole(tensor);
    const part = whole.parts[0] as Extract<Part, { kind: 'axes' }>;
    const maps = part.maps.map((map, a) => (a === axis ? Int32Array.from(positions) : map));
    const shape = whole.shape.map((n, a) => (a === axis ? positions.length : n));
    return { shape: shape as unknown as Shape, parts: [{ ...part, maps: maps as unknown as typeof part.maps }] };
  }

  /** Operand axis axes[a] is tensor axis a. */
  transposed(tensor: number, axes: readonly [number, number, number]): View {
    const whole = this.whole(tensor);
    const part = whole.parts[0] as Extract<Part, { kind: 'axes' }>;
    const shape = [0, 0, 0];
    axes.forEach((o, a) => (shape[o] = whole.shape[a]!));
    return { shape: shape as unknown as Shape, parts: [{ ...part, axes }] };
  }

  /** Along channels. */
  concatenated(tensors: readonly number[]): View {
    const channels = tensors.reduce((n, tensor) => n + this.shape(tensor)[0], 0);
    let start = 0;
    const parts = tensors.map((tensor): Part => {
      const whole = this.whole(tensor).parts[0] as Extract<Part, { kind: 'axes' }>;
      const own = whole.maps[0].length;
      const map = Int32Array.from({ length: channels }, (_, c) => (c >= start && c < start + own ? c - start : -1));
      start += own;
      return { ...whole, maps: [map, whole.maps[1], whole.maps[2]] };
    });
    const [, height, width] = this.shape(tensors[0]!);
    return { shape: [channels, height, width], parts };
  }

  gathered(tensor: number, shape: Shape, index: readonly number[]): View {
    return { shape, parts: [{ kind: 'gather', tensor, index: Int32Array.from(index) }] };
  }

  multiple(operand: View, multiplier: readonly number[]): Multiple {
    return { kind: 'multiple', operand, multiplier: Int32Array.from(multiplier) };
  }

  windowSum(
    operand: View,
    multiplier: readonly number[],
    kernel: Pair,
    stride: Pair,
    pad: Pair,
    rowFactor: readonly number[],
    columnFactor: readonly number[],
  ): WindowSum {
    return {
      kind: 'window-sum',
      operand,
      multiplier: Int32Array.from(multiplier),
      kernel,
      stride,
      pad,
      rowFactor: Int32Array.from(rowFactor),
      columnFactor: Int32Array.from(columnFactor),
    };
  }

  /** Pairwise maxima along columns, then rows; the window is 2 or 3 wide. */
  maximumPool(name: string, tensor: number, window: 2 | 3, stride: number, pad: number, height: number, width: number): number {
    const zero = zeroOf(this.soFar, tensor);
    let wide = this.maximum(
      `${name} columns`,
      zero,
      this.strided(tensor, 2, -pad, stride, width),
      this.strided(tensor, 2, 1 - pad, stride, width),
    );
    if (window === 3) wide = this.maximum(`${name} columns 2`, zero, this.whole(wide), this.strided(tensor, 2, 2 - pad, stride, width));
    const rows = (k: number): View => this.strided(wide, 1, k - pad, stride, height);
    const both = this.maximum(`${name} rows`, zero, rows(0), rows(1));
    return window === 3 ? this.maximum(`${name} rows 2`, zero, this.whole(both), rows(2)) : both;
  }

  // ---- the end ----------------------------------------------------------------------------------------------------------------------

  /** The circuit, with tables fitted, and an input. With `committed`, weights are a root and sums of squares. */
  finish(name: string, outputs: readonly number[], committed = false): Sample {
    const weights = convolutions(this.soFar).map(({ term }) => this.weights.get(term)!);
    const bound = committed ? this.layers.map((layer) => withSquares(layer, this.weights)) : this.layers;
    const meaningOf =
      (kind: string) =>
      (tensor: number, n: number): TensorMeaning => ({
        name: `${kind} ${n}`,
        dims: [1, ...this.shape(tensor)],
        scale: 0.5,
        zero: zeroOf(this.soFar, tensor),
        note: '',
        labels: [],
      });
    const circuit: Circuit = {
      inputs: this.inputs,
      layers: bound,
      outputs,
      tables: this.activations.map((activation, n) => this.fit(n, activation, committed)),
      weightRoot: null,
      meaning: { inputs: this.inputs.map((_, n) => meaningOf('input')(n, n)), outputs: outputs.map(meaningOf('output')) },
    };
    const inputs = this.inputs.map(({ shape }) => Uint8Array.from({ length: size(shape) }, () => this.integer(0, 255)));
    const weightRoot = committed ? commitVector(weightVector(circuit, weights)).root : null;
    return { name, circuit: { ...circuit, weightRoot }, weights, inputs };
  }

  /** The table of an activation: rows for all quotients of all layers that use it. */
  private fit(table: number, activation: Activation, committed: boolean): Table {
    let first = Infinity;
    let last = -Infinity;
    for (const layer of this.layers) {
      if (layer.kind !== 'requantize' || layer.table !== table) continue;
      layer.shift.forEach((s, c) => {
        const [low, high] = this.interval(layer, c, committed);
        first = Math.min(first, Math.floor((low + roundingOffset(s)) / 2 ** s));
        last = Math.max(last, Math.floor((high + roundingOffset(s)) / 2 ** s));
      });
    }
    return { first, values: Uint8Array.from({ length: last - first + 1 }, (_, n) => activation(first + n)) };
  }

  /** An interval that holds the accumulators of a channel, whatever the inputs. */
  private interval(layer: LinearLayer, c: number, committed: boolean): Pair {
    const plane = layer.shape[1] * layer.shape[2];
    const biases = layer.bias.length === layer.shape[0] ? [layer.bias[c]!] : [...layer.bias.slice(c * plane, (c + 1) * plane)];
    let low = Math.min(...biases);
    let high = Math.max(...biases);
    for (const term of layer.terms) {
      const zeros = term.operand.parts.map((part) => zeroOf(this.soFar, part.tensor));
      const least = -Math.max(...zeros);
      const most = 255 - Math.min(...zeros);
      if (term.kind === 'convolution') {
        const values = this.weights.get(term)!;
        const perChannel = values.length / layer.shape[0];
        const own = values.slice(c * perChannel, (c + 1) * perChannel);
        if (committed) {
          const radius = 255 * Math.ceil(Math.sqrt(perChannel * own.reduce((sum, w) => sum + w * w, 0)));
          low -= radius;
          high += radius;
        } else {
          for (const w of own) {
            low += Math.min(w * least, w * most);
            high += Math.max(w * least, w * most);
          }
        }
      } else {
        const count =
          term.kind === 'window-sum' ? term.kernel[0] * term.kernel[1] * Math.max(...term.rowFactor) * Math.max(...term.columnFactor) : 1;
        const factor = count * term.multiplier[c]!;
        low += Math.min(factor * least, factor * most);
        high += Math.max(factor * least, factor * most);
      }
    }
    return [low, high];
  }
}

/** The layer with sums of squares in place of the weights' hashes. */
function withSquares(layer: Layer, weights: ReadonlyMap<Term, Int8Array>): Layer {
  if (layer.kind === 'maximum') return layer;
  const terms = layer.terms.map((term): Term => {
    if (term.kind !== 'convolution') return term;
    const values = weights.get(term)!;
    const perChannel = values.length / layer.shape[0];
    const squares = Array.from({ length: layer.shape[0] }, (_, c) =>
      values.slice(c * perChannel, (c + 1) * perChannel).reduce((sum, w) => sum + w * w, 0),
    );
    return { ...term, weights: { kind: 'committed', squares } };
  });
  return layer.kind === 'requantize' ? ({ ...layer, terms } satisfies Requantize) : { ...layer, terms };
}
