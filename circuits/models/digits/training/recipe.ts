/** How the built-in model is trained, and what becomes of the result. Changing anything here changes `digits.onnx`. */
import { digitsModel } from '../digits.ts';
import type { Network } from './network.ts';
import { encodeOnnx } from './onnx-file.ts';
import type { TrainingRecipe } from './training.ts';

/**
 * Strides instead of pools, since each maximum would have to be proven: 14 x 14 x 8, 7 x 7 x 24 and 4 x 4 x 32 activations, 3,256 in all.
 */
export const digitsRecipe: TrainingRecipe = {
  layers: [
    { channels: 8, kernel: 5, stride: 2, pad: 2 },
    { channels: 24, kernel: 3, stride: 2, pad: 1 },
    { channels: 32, kernel: 3, stride: 2, pad: 1 },
    { channels: 10, kernel: 4, stride: 1, pad: 0 },
  ],
  seed: 1,
  epochs: 60,
  batch: 32,
  rate: 0.006,
  warmUp: 200,
  decay: 0.1,
  smoothing: 0.05,
  averaging: 0.998,
  distortion: { shift: 1.5, stretch: 0.1, rotation: 0.15, slant: 0.1, elastic: 2 },
};

/** The file of a network trained by the recipe. */
export function digitsOnnx(network: Network): Uint8Array<ArrayBuffer> {
  return encodeOnnx(network, {
    model: digitsModel.name,
    description: 'Reads a handwritten digit: 28 x 28 grey pixels, 0 (paper) to 255 (ink); ten logits.',
    input: digitsModel.input.name,
    output: digitsModel.output.name,
    labels: digitsModel.output.labels,
  });
}
