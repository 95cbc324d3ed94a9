/**
 * Two-dimensional convolutions, one image at a time, forward and backward, as products of matrices of patches (Chellapilla, Puri and
 * Simard 2006). Images are stored position by position, [row][column][channel]; a fully connected layer is a convolution whose kernel
 * covers the whole image.
 */
import { addRowProducts, transpose } from './matrix.ts';

export interface ConvolutionShape {
  readonly inputChannels: number;
  readonly inputSide: number;
  readonly outputChannels: number;
  readonly kernel: number;
  readonly stride: number;
  /** Zeros before the first row and column; as many as are needed after the last. */
  readonly pad: number;
}

/** One layer: what is learned, its gradient, and the memory of one pass. */
export interface Convolution {
  readonly shape: ConvolutionShape;
  readonly outputSide: number;
  /** [output channel][kernel row][kernel column][input channel]. */
  readonly weights: Float64Array;
  readonly bias: Float64Array;
  readonly weightGradient: Float64Array;
  readonly biasGradient: Float64Array;
  /** [row][column][channel], then one 0 that stands for all positions outside. */
  readonly input: Float64Array;
  readonly output: Float64Array;
  /** Derivative of the loss by `input`, with one element more that collects what falls outside. */
  readonly inputGradient: Float64Array;
  readonly outputGradient: Float64Array;
  readonly workspace: Workspace;
}

interface Workspace {
  /** Index into `input` of each [output position][patch element]. */
  readonly patchIndex: Int32Array;
  /** The same as [patch element][output position]. */
  readonly transposedIndex: Int32Array;
  readonly patches: Float64Array;
  readonly transposedOutput: Float64Array;
  readonly transposedWeights: Float64Array;
}

/** A layer with all parameters 0. */
export function createConvolution(shape: ConvolutionShape): Convolution {
  const { inputChannels, inputSide, outputChannels, kernel, stride, pad } = shape;
  const outputSide = Math.floor((inputSide + 2 * pad - kernel) / stride) + 1;
  const positions = outputSide * outputSide;
  const patch = kernel * kernel * inputChannels;
  const inputs = inputSide * inputSide * inputChannels;
  const patchIndex = indexPatches(shape, outputSide);
  const transposedIndex = new Int32Array(patchIndex.length);
  for (let position = 0; position < positions; position++) {
    for (let k = 0; k < patch; k++) transposedIndex[k * positions + position] = patchIndex[position * patch + k]!;
  }
  return {
    shape,
    outputSide,
    weights: new Float64Array(outputChannels * patch),
    bias: new Float64Array(outputChannels),
    weightGradient: new Float64Array(outputChannels * patch),
    biasGradient: new Float64Array(outputChannels),
    input: new Float64Array(inputs + 1),
    output: new Float64Array(positions * outputChannels),
    inputGradient: new Float64Array(inputs + 1),
    outputGradient: new Float64Array(positions * outputChannels),
    workspace: {
      patchIndex,
      transposedIndex,
      patches: new Float64Array(positions * patch),
      transposedOutput: new Float64Array(positions * outputChannels),
      transposedWeights: new Float64Array(patch * outputChannels),
    },
  };
}

/** Index into the input of every patch element; positions outside read the element after the last. */
function indexPatches({ inputChannels, inputSide, kernel, stride, pad }: ConvolutionShape, outputSide: number): Int32Array {
  const outside = inputSide * inputSide * inputChannels;
  const index = new Int32Array(outputSide * outputSide * kernel * kernel * inputChannels);
  let next = 0;
  for (let i = 0; i < outputSide; i++) {
    for (let j = 0; j < outputSide; j++) {
      for (let u = 0; u < kernel; u++) {
        for (let v = 0; v < kernel; v++) {
          const row = i * stride + u - pad;
          const column = j * stride + v - pad;
          const inside = row >= 0 && row < inputSide && column >= 0 && column < inputSide;
          for (let c = 0; c < inputChannels; c++) index[next++] = inside ? (row * inputSide + column) * inputChannels + c : outside;
        }
      }
    }
  }
  return index;
}

/** `output[p][n] = bias[n] + sum_k weights[n][k] patches[p][k]`. */
export function forward(layer: Convolution): void {
  const { bias, weights, input, output, workspace } = layer;
  const { patchIndex, patches } = workspace;
  gather(input, patchIndex, patches);
  for (let first = 0; first < output.length; first += bias.length) output.set(bias, first);
  addRowProducts(patches, weights, output, output.length / bias.length, bias.length, weights.length / bias.length);
}

/** To be called after each change of the weights and before `backward`. */
export function prepareBackward(layer: Convolution): void {
  transpose(layer.weights, layer.workspace.transposedWeights, layer.bias.length, layer.weights.length / layer.bias.length);
}

/**
 * Adds to the gradients of weights and biases what the image of the last `forward` gives, from `outputGradient`; with `toInput`, sets
 * `inputGradient` too.
 */
export function backward(layer: Convolution, toInput: boolean): void {
  const { bias, weights, weightGradient, biasGradient, input, inputGradient, outputGradient, workspace } = layer;
  const { patchIndex, transposedIndex, patches, transposedOutput, transposedWeights } = workspace;
  const channels = bias.length;
  const positions = outputGradient.length / channels;
  const patch = weights.length / channels;

  transpose(outputGradient, transposedOutput, positions, channels);
  gather(input, transposedIndex, patches);
  addRowProducts(transposedOutput, patches, weightGradient, channels, patch, positions);
  for (let n = 0; n < channels; n++) {
    let sum = 0;
    for (let p = 0; p < positions; p++) sum += transposedOutput[n * positions + p]!;
    biasGradient[n] = biasGradient[n]! + sum;
  }
  if (!toInput) return;

  patches.fill(0);
  addRowProducts(outputGradient, transposedWeights, patches, positions, patch, channels);
  inputGradient.fill(0);
  for (let i = 0; i < patchIndex.length; i++) {
    const target = patchIndex[i]!;
    inputGradient[target] = inputGradient[target]! + patches[i]!;
  }
}

function gather(source: Float64Array, index: Int32Array, target: Float64Array): void {
  for (let i = 0; i < index.length; i++) target[i] = source[index[i]!]!;
}
