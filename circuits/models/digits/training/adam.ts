/** Adam (Kingma and Ba 2015) with decoupled weight decay (Loshchilov and Hutter 2019). */
const MEAN_DECAY = 0.9;
const SQUARE_DECAY = 0.999;
const EPSILON = 1e-8;

/** A parameter array and the running moments of its gradient. */
export interface Moments {
  readonly values: Float64Array;
  readonly gradient: Float64Array;
  readonly mean: Float64Array;
  readonly square: Float64Array;
  /** Whether the values are pulled towards 0 (weights are, biases are not). */
  readonly decays: boolean;
}

export function createMoments(values: Float64Array, gradient: Float64Array, decays: boolean): Moments {
  return { values, gradient, mean: new Float64Array(values.length), square: new Float64Array(values.length), decays };
}

export interface Optimizer {
  /**
   * One step along the gradients, which hold the sum over `count` examples.
   * @param rate learning rate
   * @param decay share by which a rate of 1 would shrink the weights
   */
  step(count: number, rate: number, decay: number): void;
}

export function createOptimizer(parameters: readonly Moments[]): Optimizer {
  // 1 - decay^t, the weight that the moments have gathered after t steps, with the power kept as a running product.
  let meanPower = 1;
  let squarePower = 1;
  return {
    step(count, rate, decay) {
      meanPower *= MEAN_DECAY;
      squarePower *= SQUARE_DECAY;
      for (const { values, gradient, mean, square, decays } of parameters) {
        const shrink = decays ? 1 - rate * decay : 1;
        for (let i = 0; i < values.length; i++) {
          const slope = gradient[i]! / count;
          const m = MEAN_DECAY * mean[i]! + (1 - MEAN_DECAY) * slope;
          const v = SQUARE_DECAY * square[i]! + (1 - SQUARE_DECAY) * slope * slope;
          mean[i] = m;
          square[i] = v;
          values[i] = shrink * values[i]! - (rate * (m / (1 - meanPower))) / (Math.sqrt(v / (1 - squarePower)) + EPSILON);
        }
      }
    },
  };
}
