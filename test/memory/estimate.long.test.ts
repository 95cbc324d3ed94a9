import { expect, it } from 'vitest';
import { instantiateKernels } from '../../wasm/runtime/instance.ts';
import { kernelModule } from '../support/kernels.ts';
import { benchModel, estimateAndPeak } from './estimates.ts';

it.each(['vgg-16', 'mobilenet-v2'])(
  'the estimate for %s is at least the peak, and at most 1 % more',
  { timeout: 300_000 },
  async (name) => {
    const kernels = instantiateKernels(await kernelModule());
    const model = await benchModel(kernels, name, 'public');
    if (!model) return;
    const { estimate, peak } = estimateAndPeak(kernels, model);
    expect(peak).toBeLessThanOrEqual(estimate.kernels);
    expect(estimate.kernels).toBeLessThan(1.01 * peak);
  },
);
