/**
 * The integer circuit: a small graph of exact integer operations on tensors of uint8.
 *
 * A tensor has three axes, channel, row and column (C, H, W), and is stored in that order. A vector of n features is n channels of one
 * element. Tensors are numbered: the inputs first, then the output of each layer, in order; a layer reads only tensors with a smaller
 * number. Everything here is plain data; `encoding.ts` gives it bytes and a digest, `../bounds` says whether it may be proven,
 * `../execute` runs it.
 */

/** Channels, rows, columns; each at least 1. */
export type Shape = readonly [channels: number, height: number, width: number];

/** A uint8 tensor: real = scale * (value - zero). */
export interface Tensor {
  readonly shape: Shape;
  /** Zero point, 0..255. */
  readonly zero: number;
}

/**
 * A product of axis maps. Operand position (o0, o1, o2) reads tensor position (t0, t1, t2) with `t_a = maps[a][o_{axes[a]}]`;
 * if any of the three is -1, this part does not cover the position. `maps[a]` is as long as the operand's axis `axes[a]`.
 */
export interface AxisPart {
  readonly kind: 'axes';
  /** Tensor number. */
  readonly tensor: number;
  /** A permutation of 0, 1, 2: the operand axis that drives each tensor axis. */
  readonly axes: readonly [number, number, number];
  readonly maps: readonly [Int32Array, Int32Array, Int32Array];
}

/** An arbitrary index map: operand position i (flat, C-order) reads flat tensor position `index[i]`, or is not covered where -1. */
export interface GatherPart {
  readonly kind: 'gather';
  readonly tensor: number;
  readonly index: Int32Array;
}

export type Part = AxisPart | GatherPart;

/**
 * What an operation reads: an index map over one or more tensors. No position is covered twice. A position that no part covers
 * contributes nothing to a linear layer (that is the padding rule x - z = 0) and reads as the constant 0 in a maximum.
 */
export interface View {
  readonly shape: Shape;
  readonly parts: readonly Part[];
}

/**
 * `sum over c_in of the group, u, v of W[c, c_in, u, v] * (x[c_in, i stride + u dilation - pad, ...] - z)`. Positions outside the operand
 * contribute 0, at the far side too (the layer's shape says how many outputs there are). A matrix product over a whole (C, H, W)
 * operand is a convolution with kernel (H, W) and one output position.
 */
export interface Convolution {
  readonly kind: 'convolution';
  readonly operand: View;
  /** Rows, columns. */
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  /** Top, left. */
  readonly pad: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly groups: number;
  readonly weights: WeightBinding;
}

/** What the circuit says about the weights of one convolution: the hash of the public weights, or, if committed, public sums of squares. */
export type WeightBinding =
  | { readonly kind: 'public'; readonly hash: Uint8Array }
  /** Per output channel, the sum of the squares of its weights, 0 .. 2^31. The values are bound by `Circuit.weightRoot`. */
  | { readonly kind: 'committed'; readonly squares: readonly number[] };

/** `multiplier[c] * (x - z)`, elementwise: a residual addition, a rescaling. */
export interface Multiple {
  readonly kind: 'multiple';
  readonly operand: View;
  /** int32 per channel. */
  readonly multiplier: Int32Array;
}

/**
 * `multiplier[c] * rowFactor[i] * columnFactor[j] * sum over the window of (x - z)`: average pooling, per channel. The factors are 1
 * except for averages that do not count padding (there `lcm / count`).
 */
export interface WindowSum {
  readonly kind: 'window-sum';
  readonly operand: View;
  readonly multiplier: Int32Array;
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly pad: readonly [number, number];
  /** Per output row, at least 1. */
  readonly rowFactor: Int32Array;
  /** Per output column, at least 1. */
  readonly columnFactor: Int32Array;
}

export type Term = Convolution | Multiple | WindowSum;

interface LayerBase {
  /** For people: errors, reports. UTF-8, at most 255 bytes, unique in the circuit. */
  readonly name: string;
  readonly shape: Shape;
}

/** `y = table[floor((acc + h) / 2^s)]`, `acc = bias + sum of terms`, `h = 2^(s-1)` (0 for s = 0), s per channel. */
export interface Requantize extends LayerBase {
  readonly kind: 'requantize';
  readonly zero: number;
  /** int32 per channel (length C) or per position (length C H W, where that is more than C). */
  readonly bias: Int32Array;
  readonly terms: readonly Term[];
  /** Per channel, 0..24. */
  readonly shift: Uint8Array;
  /** Index into `Circuit.tables`. */
  readonly table: number;
}

/** `max(a, b)`, elementwise, of the raw bytes. */
export interface Maximum extends LayerBase {
  readonly kind: 'maximum';
  readonly zero: number;
  readonly a: View;
  readonly b: View;
}

/** An int32 output: the accumulator itself. No layer may read it; it must be an output of the circuit. */
export interface Accumulate extends LayerBase {
  readonly kind: 'accumulate';
  readonly bias: Int32Array;
  readonly terms: readonly Term[];
}

export type Layer = Requantize | Maximum | Accumulate;
export type LinearLayer = Requantize | Accumulate;

/** A public function of the quotient: row n says that quotient `first + n` gives `values[n]`. */
export interface Table {
  readonly first: number;
  readonly values: Uint8Array;
}

/**
 * What the integers of an input or output tensor stand for: real = scale * (integer - zero). The elements keep the ONNX order
 * (C-order, batch 1), so `dims` is a reshape of the tensor's (C, H, W).
 */
export interface TensorMeaning {
  readonly name: string;
  /** The dimensions of the ONNX tensor, batch included; their product is that of the tensor's shape. */
  readonly dims: readonly number[];
  readonly scale: number;
  readonly zero: number;
  /** Colour order and the like, free text; '' where there is nothing to say. */
  readonly note: string;
  /** One label per element of a classifier's output, or none. */
  readonly labels: readonly string[];
}

export interface Circuit {
  readonly inputs: readonly Tensor[];
  readonly layers: readonly Layer[];
  /** Tensor numbers, 1..8, distinct: uint8 tensors made by layers, or accumulators. Every accumulator is listed. */
  readonly outputs: readonly number[];
  readonly tables: readonly Table[];
  /** Merkle root of the committed weights, or null where weights are public. */
  readonly weightRoot: Uint8Array | null;
  readonly meaning: { readonly inputs: readonly TensorMeaning[]; readonly outputs: readonly TensorMeaning[] };
}

/**
 * The weights of a circuit: one array per convolution, in circuit order (layers in order, terms in order), each
 * [c_out][c_in / groups][kernel row][kernel column], values -127..127.
 */
export type Weights = readonly Int8Array[];

/** A convolution and where it stands. */
export interface ConvolutionSite {
  readonly layer: LinearLayer;
  readonly layerIndex: number;
  readonly termIndex: number;
  readonly term: Convolution;
}

/** The convolutions of a circuit, in the order of its weights. */
export function convolutions(circuit: Circuit): ConvolutionSite[] {
  return circuit.layers.flatMap((layer, layerIndex) =>
    layer.kind === 'maximum'
      ? []
      : layer.terms.flatMap((term, termIndex) => (term.kind === 'convolution' ? [{ layer, layerIndex, termIndex, term }] : [])),
  );
}

/** Number of elements of a shape. */
export function size(shape: Shape): number {
  return shape[0] * shape[1] * shape[2];
}

/** Whether an axis map reads the whole of a tensor axis of this length, in order. */
export function isIdentityMap(map: Int32Array, length: number): boolean {
  return map.length === length && map.every((t, k) => t === k);
}

/** Shape of a tensor by number (accumulators too). */
export function shapeOf(circuit: Circuit, tensor: number): Shape {
  const inputs = circuit.inputs.length;
  return tensor < inputs ? circuit.inputs[tensor]!.shape : circuit.layers[tensor - inputs]!.shape;
}

/** Zero point of a uint8 tensor by number; 0 for an accumulator. */
export function zeroOf(circuit: Circuit, tensor: number): number {
  const inputs = circuit.inputs.length;
  if (tensor < inputs) return circuit.inputs[tensor]!.zero;
  const layer = circuit.layers[tensor - inputs]!;
  return layer.kind === 'accumulate' ? 0 : layer.zero;
}

/** The layer that makes a tensor, or null for an input. */
export function makerOf(circuit: Circuit, tensor: number): Layer | null {
  return circuit.layers[tensor - circuit.inputs.length] ?? null;
}

/** Number of weights of a convolution: [c_out][c_in / groups][kernel row][kernel column]. */
export function weightCount(outputChannels: number, term: Convolution): number {
  return outputChannels * (term.operand.shape[0] / term.groups) * term.kernel[0] * term.kernel[1];
}

/** The rounding offset h of a shift. */
export function roundingOffset(shift: number): number {
  return shift === 0 ? 0 : 2 ** (shift - 1);
}

/** An operand that is one whole tensor. */
export function wholeTensor(tensor: number, shape: Shape): View {
  const axis = (n: number): Int32Array => Int32Array.from({ length: n }, (_, i) => i);
  return { shape, parts: [{ kind: 'axes', tensor, axes: [0, 1, 2], maps: [axis(shape[0]), axis(shape[1]), axis(shape[2])] }] };
}
