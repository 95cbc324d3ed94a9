/**
 * A float model in the form of a circuit, but for the numbers: which layers there are, what they read, what they compute in real numbers. Made
 * by `lower.ts`; scales, integers and tables follow from calibration.
 *
 * Tensors are numbered as in the circuit: inputs, then one per step. Each has a *quantizer* (a scale and a zero point); tensors that are read as
 * one (concatenation, maxima) share theirs.
 */
import type { Shape, View } from '../graph/circuit.ts';
import type { IndexMap } from './index-map.ts';

/** An elementwise function. Equal formula, equal function. */
export interface Activation {
  readonly formula: string;
  readonly fn: (x: number) => number;
}

interface FloatTermBase {
  readonly operand: View;
  /** Per operand channel, the quantizer of what it reads. */
  readonly quantizers: Int32Array;
}

/** A convolution with real weights [c_out][c_in / groups][kernel row][kernel column]. */
export interface FloatConvolution extends FloatTermBase {
  readonly kind: 'convolution';
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly pad: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly groups: number;
  readonly weights: Float64Array;
}

/** `factor[c] * x`. */
export interface FloatMultiple extends FloatTermBase {
  readonly kind: 'multiple';
  readonly factor: Float64Array;
}

/** `factor[c] * sum over the window of x / (rowCount[i] * columnCount[j])`. */
export interface FloatWindowSum extends FloatTermBase {
  readonly kind: 'window-sum';
  readonly factor: Float64Array;
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly pad: readonly [number, number];
  readonly rowCount: readonly number[];
  readonly columnCount: readonly number[];
}

export type FloatTerm = FloatConvolution | FloatMultiple | FloatWindowSum;

/** Where the float values of a layer are found in a run of the model. */
export interface Reference {
  /** Name of the value in the ONNX file. */
  readonly name: string;
  /** Applied to the named value, where the file has no value of its own for it. */
  readonly through: Activation | null;
  /** Position of the layer's tensor that holds flat position i of the value. */
  readonly order: IndexMap;
}

interface StepBase {
  /** Unique. */
  readonly name: string;
  /** The ONNX operators, for messages. */
  readonly operator: string;
  readonly shape: Shape;
}

/** `activation(bias + sum of terms)`, stored as bytes, or without activation as an int32 output. */
export interface LinearStep extends StepBase {
  readonly kind: 'linear';
  readonly terms: readonly FloatTerm[];
  /** Per channel, or per position. */
  readonly bias: Float64Array;
  readonly activation: Activation | null;
  /** `bias + sum of terms` in the float model. */
  readonly sum: Reference;
  /** The stored values in the float model. */
  readonly value: Reference;
  /** null: an int32 output. */
  readonly quantizer: number | null;
  /** Its single term has factor 1 and the same quantizer, and the bias only fills uncovered positions: bytes are copied. */
  readonly copy: boolean;
}

export interface MaximumStep extends StepBase {
  readonly kind: 'maximum';
  readonly a: View;
  readonly b: View;
  readonly quantizer: number;
}

export type Step = LinearStep | MaximumStep;

/** The ONNX input is `(byte - mean[c]) / std[c]` of the circuit's input, c the second ONNX axis. */
export interface Normalization {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

export interface ProgramInput {
  readonly name: string;
  readonly dims: readonly number[];
  readonly shape: Shape;
  readonly quantizer: number;
}

export interface ProgramOutput {
  readonly name: string;
  readonly dims: readonly number[];
  readonly tensor: number;
}

export interface Program {
  readonly inputs: readonly ProgramInput[];
  readonly steps: readonly Step[];
  readonly outputs: readonly ProgramOutput[];
  /** Of all inputs, or null. */
  readonly normalization: Normalization | null;
  /** Quantizers are numbered 0 .. quantizers - 1; some numbers may be unused. */
  readonly quantizers: number;
  /** What a person should know. */
  readonly notes: readonly string[];
}
