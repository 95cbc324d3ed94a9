import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { encodeCircuitFile } from '../../circuits/graph/file.ts';
import { encodeWeightsFile } from '../../circuits/graph/weights-file.ts';
import { estimateMemory } from '../../wasm/prove.ts';
import { instantiateKernels } from '../../wasm/runtime/instance.ts';
import { describeWithModels } from '../support/models.ts';
import { kernelModule } from '../support/kernels.ts';
import { benchModel, estimateAndPeak, type Model } from './estimates.ts';

const GIBIBYTE = 2 ** 30;

/** The most that is resident of a process that proves the model once. */
async function residentPeak({ circuit, weights }: Model, threads: number): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'resident-'));
  try {
    const files = [join(folder, 'model.circuit'), join(folder, 'model.weights')] as const;
    await writeFile(files[0], encodeCircuitFile(circuit));
    await writeFile(files[1], encodeWeightsFile(weights));
    const probe = join(import.meta.dirname, 'resident-probe.ts');
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', probe, ...files, String(threads)]);
    return Number(stdout);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function expectEstimate(name: string): Promise<Model> {
  const kernels = instantiateKernels(await kernelModule());
  const model = await benchModel(kernels, name, 'public');
  const { estimate, peak } = estimateAndPeak(kernels, model);
  expect(peak).toBeLessThanOrEqual(estimate.kernels);
  expect(estimate.kernels).toBeLessThan(1.01 * peak);
  return model;
}

describe('the largest models', () => {
  it('VGG-16: the estimate is at least the peak, and at most 1 % more', { timeout: 300_000 }, async () => {
    await expectEstimate('vgg-16');
  });

  describeWithModels('MobileNetV2', ['mobilenet_v2_224.onnx'], () => {
    it(
      'the estimate is at least the peak, and at most 1 % more; a process that proves takes that and less than 256 MiB',
      { timeout: 300_000 },
      async () => {
        const model = await expectEstimate('mobilenet-v2');
        const { kernels, javascript } = estimateMemory(model.circuit, { threads: 2 });
        const resident = await residentPeak(model, 2);
        expect(resident).toBeGreaterThan(kernels);
        expect(resident).toBeLessThan(kernels + javascript + GIBIBYTE / 4);
        expect(resident).toBeLessThan(2 * GIBIBYTE);
      },
    );
  });
});
