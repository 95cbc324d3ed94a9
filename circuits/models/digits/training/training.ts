/**
 * Training, bit-reproducible: one thread, double precision, sums in a fixed order, no operation that IEEE 754 does not fix to the last bit.
 * Equal examples and an equal recipe give equal parameters on every machine.
 */
import { createMoments, createOptimizer, type Moments } from './adam.ts';
import { createDistortion, type DistortionRanges } from './distortion.ts';
import { createNetwork, infer, largest, type LayerPlan, learn, type Network, prepareLearning } from './network.ts';
import { createRandom, shuffle } from './random.ts';

/** Labelled square images. */
export interface Examples {
  readonly side: number;
  /** One after the other, side x side bytes each. */
  readonly pixels: Uint8Array;
  readonly labels: Uint8Array;
}

export interface TrainingRecipe {
  readonly layers: readonly LayerPlan[];
  /** Of initial weights, order of examples and distortions; 32 bits. */
  readonly seed: number;
  /** Passes over the examples; a fraction of a pass rounds down to whole batches. */
  readonly epochs: number;
  readonly batch: number;
  /** The learning rate rises linearly to `rate` over the first `warmUp` steps and falls linearly to 0 at the end. */
  readonly rate: number;
  readonly warmUp: number;
  /** Decoupled weight decay: the share by which a learning rate of 1 would shrink the weights in a step. */
  readonly decay: number;
  /** Share of each label that is spread over all classes. */
  readonly smoothing: number;
  /** The result is the average of the parameters over the steps with weights averaging^age, 0 <= averaging < 1. */
  readonly averaging: number;
  readonly distortion: DistortionRanges;
}

export interface TrainingProgress {
  readonly step: number;
  readonly steps: number;
  /** Share of right answers on the distorted examples since the last report. */
  readonly accuracy: number;
}

/** Steps between two reports of progress. */
const REPORT_INTERVAL = 100;

/** The trained network. `onProgress` is called every 100 steps and after the last. */
export function train(examples: Examples, recipe: TrainingRecipe, onProgress?: (progress: TrainingProgress) => void): Network {
  const { side, pixels, labels } = examples;
  const { batch, smoothing } = recipe;
  const size = side * side;
  const random = createRandom(recipe.seed);
  const network = createNetwork(side, recipe.layers, random);
  const distortion = createDistortion(side, recipe.distortion);
  const parameters = network.layers.flatMap((layer): Moments[] => [
    createMoments(layer.weights, layer.weightGradient, true),
    createMoments(layer.bias, layer.biasGradient, false),
  ]);
  const optimizer = createOptimizer(parameters);
  const average = createAverage(
    parameters.map(({ values }) => values),
    recipe.averaging,
  );

  const order = Int32Array.from(labels, (_, i) => i);
  const steps = Math.floor((recipe.epochs * labels.length) / batch);
  let next = labels.length;
  let right = 0;
  let seen = 0;
  for (let step = 1; step <= steps; step++) {
    prepareLearning(network);
    for (let i = 0; i < batch; i++) {
      if (next === labels.length) {
        shuffle(order, random);
        next = 0;
      }
      const example = order[next++]!;
      distortion.apply(pixels.subarray(example * size, (example + 1) * size), network.image, random);
      const label = labels[example]!;
      if (learn(network, label, smoothing) === label) right++;
      seen++;
    }
    optimizer.step(batch, learningRate(recipe, step, steps), recipe.decay);
    average.add();
    if (step % REPORT_INTERVAL === 0 || step === steps) {
      onProgress?.({ step, steps, accuracy: right / seen });
      right = 0;
      seen = 0;
    }
  }
  average.take();
  return network;
}

function learningRate({ rate, warmUp }: TrainingRecipe, step: number, steps: number): number {
  return rate * Math.min(step / warmUp, 1) * (1 - (step - 1) / steps);
}

/** Running average of parameter arrays with weights decay^age, exact from the first step on (the weights sum to 1). */
function createAverage(arrays: readonly Float64Array[], decay: number): { add(): void; take(): void } {
  const averages = arrays.map((array) => new Float64Array(array.length));
  let total = 0;
  return {
    add() {
      total = decay * total + 1;
      const share = 1 / total;
      arrays.forEach((array, k) => {
        const average = averages[k]!;
        for (let i = 0; i < array.length; i++) average[i] = average[i]! + share * (array[i]! - average[i]!);
      });
    },
    /** Sets the arrays to their averages. */
    take: () => arrays.forEach((array, k) => array.set(averages[k]!)),
  };
}

/** Share of examples whose label has the largest logit. */
export function accuracy(network: Network, { side, pixels, labels }: Examples): number {
  const size = side * side;
  let right = 0;
  labels.forEach((label, example) => {
    for (let i = 0; i < size; i++) network.image[i] = pixels[example * size + i]! / 255;
    if (largest(infer(network)) === label) right++;
  });
  return right / labels.length;
}
