/** The network: convolutions with ReLU between them; the last one covers its whole input and gives the logits. */
import { backward, type Convolution, type ConvolutionShape, createConvolution, forward, prepareBackward } from './convolution.ts';
import { exponential } from './exponential.ts';
import type { Random } from './random.ts';

export interface Network {
  readonly layers: readonly Convolution[];
  /** Where an image goes: side x side values, 0..1. */
  readonly image: Float64Array;
  readonly logits: Float64Array;
}

/** A convolution of an architecture; its input is the output of the one before. */
export interface LayerPlan {
  readonly channels: number;
  readonly kernel: number;
  readonly stride: number;
  readonly pad: number;
}

/** A network with weights drawn uniformly, of variance 2 / fan-in (He et al. 2015), and zero biases. */
export function createNetwork(imageSide: number, plan: readonly LayerPlan[], random: Random): Network {
  const layers: Convolution[] = [];
  let inputSide = imageSide;
  let inputChannels = 1;
  for (const { channels, kernel, stride, pad } of plan) {
    const shape: ConvolutionShape = { inputChannels, inputSide, outputChannels: channels, kernel, stride, pad };
    const layer = createConvolution(shape);
    const bound = Math.sqrt(6 / (kernel * kernel * inputChannels));
    for (let i = 0; i < layer.weights.length; i++) layer.weights[i] = random.uniform(-bound, bound);
    layers.push(layer);
    inputSide = layer.outputSide;
    inputChannels = channels;
  }
  const first = layers[0]!;
  return { layers, image: first.input.subarray(0, imageSide * imageSide), logits: layers.at(-1)!.output };
}

/** Logits of the image in `network.image`. */
export function infer(network: Network): Float64Array {
  const { layers, logits } = network;
  for (let i = 0; i < layers.length; i++) {
    forward(layers[i]!);
    if (i + 1 < layers.length) rectify(layers[i]!.output, layers[i + 1]!.input);
  }
  return logits;
}

function rectify(source: Float64Array, target: Float64Array): void {
  for (let i = 0; i < source.length; i++) {
    const value = source[i]!;
    target[i] = value > 0 ? value : 0;
  }
}

/** To be called after each change of the parameters and before `learn`: clears the gradients. */
export function prepareLearning(network: Network): void {
  for (const layer of network.layers) {
    layer.weightGradient.fill(0);
    layer.biasGradient.fill(0);
    prepareBackward(layer);
  }
}

/**
 * Adds to the gradients what the image in `network.image` gives: the gradient of the cross-entropy between the softmax of the logits and
 * the label, of which `smoothing` is spread evenly over all classes (Szegedy et al. 2016). Returns the class of the largest logit.
 */
export function learn(network: Network, label: number, smoothing: number): number {
  const { layers } = network;
  const logits = infer(network);
  const answer = largest(logits);

  const gradient = layers.at(-1)!.outputGradient;
  let sum = 0;
  for (let i = 0; i < logits.length; i++) {
    gradient[i] = exponential(logits[i]! - logits[answer]!);
    sum += gradient[i]!;
  }
  for (let i = 0; i < logits.length; i++) {
    gradient[i] = gradient[i]! / sum - smoothing / logits.length - (i === label ? 1 - smoothing : 0);
  }

  for (let i = layers.length - 1; i >= 0; i--) {
    backward(layers[i]!, i > 0);
    if (i > 0) rectifyGradient(layers[i]!, layers[i - 1]!);
  }
  return answer;
}

/** The gradient passes where the rectified value is positive. */
function rectifyGradient(from: Convolution, to: Convolution): void {
  const { input, inputGradient } = from;
  const { outputGradient } = to;
  for (let i = 0; i < outputGradient.length; i++) outputGradient[i] = input[i]! > 0 ? inputGradient[i]! : 0;
}

/** Index of the largest value, the first of equals. */
export function largest(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}
