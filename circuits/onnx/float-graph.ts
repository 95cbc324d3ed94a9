/**
 * What a float ONNX model means, in few kinds of nodes: what `read.ts` makes of a file and `../quantize` turns into a circuit.
 *
 * Values are named as in the ONNX file, so that the values of the same name can be taken from any run of the file. They are in the ONNX
 * order (C-order) with the batch of 1 in their dimensions. Constants are folded; a node reads at least one value that is no constant.
 */

/** A value that is no constant. */
export interface FloatValue {
  /** The tensor's name in the ONNX file. */
  readonly name: string;
  /** ONNX dimensions, the batch of 1 included. */
  readonly dims: readonly number[];
}

/** A constant tensor, C-order. */
export interface FloatConstant {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

interface NodeBase {
  /** For messages: the ONNX node's name, or its operator and output where it has none. Unique. */
  readonly name: string;
  /** The last ONNX operator of the node, for messages: `Conv`. */
  readonly operator: string;
  readonly output: FloatValue;
}

/** Cross-correlation over [1, C, H, W] (1-D: H = 1, whatever the ONNX rank of input and output). Weights [c_out][c_in / groups][kernel row][kernel column]; bias per c_out. */
export interface ConvolutionNode extends NodeBase {
  readonly kind: 'convolution';
  readonly input: FloatValue;
  readonly weights: Float32Array;
  /** One per output channel; zeros where the ONNX node has none. */
  readonly bias: Float32Array;
  readonly inputShape: readonly [channels: number, height: number, width: number];
  readonly outputShape: readonly [channels: number, height: number, width: number];
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  /** Top, left (the far side follows from the output's shape). */
  readonly pad: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly groups: number;
}

/**
 * A matrix product with a constant along one axis of the input: the input read as [outer, features, inner] gives [outer, outputs, inner],
 * `y[a, n, b] = bias[n] + sum_k weights[n][k] x[a, k, b]`. `x W` has inner = 1; `W x` has outer = 1.
 */
export interface ProductNode extends NodeBase {
  readonly kind: 'product';
  readonly input: FloatValue;
  readonly outer: number;
  readonly inner: number;
  readonly features: number;
  readonly outputs: number;
  /** [outputs][features]. */
  readonly weights: Float32Array;
  readonly bias: Float32Array;
}

/**
 * `y = scale * x + offset`, both constants, broadcast to the output's dimensions (data of dims.length equal to the output's, each 1 or the
 * output's). BatchNormalization, Add, Sub, Mul, Div with a constant. The input's dimensions are the output's up to leading ones.
 */
export interface AffineNode extends NodeBase {
  readonly kind: 'affine';
  readonly input: FloatValue;
  readonly scale: FloatConstant;
  readonly offset: FloatConstant;
}

/** `y = sum of sign_k x_k` of two values of the output's dimensions up to leading ones. */
export interface AddNode extends NodeBase {
  readonly kind: 'add';
  readonly inputs: readonly [FloatValue, FloatValue];
  readonly signs: readonly [1, 1 | -1];
}

/** `y = fn(x)`, elementwise: any run of elementwise operators with one source. In double precision; NaN where the run gives none. */
export interface ElementwiseNode extends NodeBase {
  readonly kind: 'elementwise';
  readonly input: FloatValue;
  readonly fn: (x: number) => number;
  /** The run, for people and for the recipe: `relu`, `clip(0, 6)`, `x * sigmoid(x)`. Equal text means the same function. */
  readonly formula: string;
}

/**
 * Pooling over [1, C, H, W]; outside of the value nothing counts for a maximum, and zero for an average. `inputShape` is a reading of the
 * flat value: for a reduction over other axes than the last two it is [outer, reduced, inner], whatever they are in the file.
 */
export interface PoolNode extends NodeBase {
  readonly kind: 'max-pool' | 'average-pool';
  readonly input: FloatValue;
  readonly inputShape: readonly [channels: number, height: number, width: number];
  readonly outputShape: readonly [channels: number, height: number, width: number];
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly pad: readonly [number, number];
  readonly dilation: readonly [number, number];
  /** Averages: the divisor of each output row and column (their product is the number of positions that count); empty for a maximum. */
  readonly rowCount: readonly number[];
  readonly columnCount: readonly number[];
}

/**
 * An index map: flat position i of the output is flat position `index[i]` of the part that has `index[i] >= 0` (at most one), or `fill` where
 * none has. Reshape, Flatten, Squeeze, Unsqueeze, Transpose, Concat, Split, Slice, Pad, Resize nearest.
 */
export interface ViewNode extends NodeBase {
  readonly kind: 'view';
  /** `index` null: the identity (a reshape). */
  readonly parts: readonly { readonly input: FloatValue; readonly index: Int32Array | null }[];
  readonly fill: number;
}

export type FloatNode = ConvolutionNode | ProductNode | AffineNode | AddNode | ElementwiseNode | PoolNode | ViewNode;

export interface FloatGraph {
  /** 1 to 8 inputs. */
  readonly inputs: readonly FloatValue[];
  /** In an order in which every node comes after those it reads. Only nodes that some output needs. */
  readonly nodes: readonly FloatNode[];
  /** 1 to 8 outputs: each an input's or a node's value. A final Softmax (LogSoftmax) is left to the client: the value before it is the output. */
  readonly outputs: readonly FloatValue[];
  /** For people: what was left out or assumed (a final Softmax, a batch set to 1). */
  readonly notes: readonly string[];
}

/** A model cannot be read or turned into a circuit: what is wrong, where, what was expected, what could be done. */
export class ModelError extends Error {
  /** Name of the node (or value) at fault, '' if it is the whole file. */
  readonly node: string;
  /** Its ONNX operator, '' if none. */
  readonly operator: string;
  /** What could be done, '' if nothing is known. */
  readonly hint: string;

  constructor(message: string, where: { readonly node?: string; readonly operator?: string; readonly hint?: string } = {}) {
    const { node = '', operator = '', hint = '' } = where;
    super([node && `${node}${operator && ` (${operator})`}: `, message, hint && ` (${hint})`].join(''));
    this.name = 'ModelError';
    this.node = node;
    this.operator = operator;
    this.hint = hint;
  }
}
