import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digitsCompileOptions } from '../../circuits/models/digits/digits.ts';
import { compile } from '../../circuits/quantize/compile.ts';
import { openModel } from '../../wasm/inference/node.ts';
import { estimateMemory, MEMORY_PARTS, MemoryRefusal, prepareProver } from '../../wasm/prove.ts';
import { instantiateKernels } from '../../wasm/runtime/instance.ts';
import { nodePlatform } from '../../wasm/runtime/node.ts';
import { createProver } from '../../wasm/runtime/prover.ts';
import { committedNet, smallNets } from '../support/circuits.ts';
import { kernelModule, loadKernels } from '../support/kernels.ts';
import { testWithModels } from '../support/models.ts';
import { randomCircuit } from '../support/random-circuits.ts';
import { benchModel, estimateAndPeak } from './estimates.ts';

/** How much larger than the peak an estimate may be. */
const SLACK = 1.03;

describe.each([1, 2])('the estimate for %d threads', (threads) => {
  let kernels: Awaited<ReturnType<typeof loadKernels>>;
  beforeAll(async () => {
    kernels = await loadKernels(threads);
  });
  afterAll(() => kernels.end());

  it('is at least the peak of small and random circuits, and at most 3 % more', () => {
    for (const sample of [...smallNets(), committedNet(), ...Array.from({ length: 40 }, (_, k) => randomCircuit(k + 1))]) {
      const { estimate, peak } = estimateAndPeak(kernels, sample);
      expect(peak, sample.name).toBeLessThanOrEqual(estimate.kernels);
      expect(estimate.kernels, sample.name).toBeLessThan(SLACK * peak);
    }
  });

  it('is at least the peak of the digits model, and at most 3 % more', async () => {
    const folder = join(import.meta.dirname, '../../circuits/models/digits');
    const options = digitsCompileOptions(new Uint8Array(readFileSync(join(folder, 'calibration.u8'))));
    const { estimate, peak } = estimateAndPeak(
      kernels,
      await compile(new Uint8Array(readFileSync(join(folder, 'digits.onnx'))), options, { openModel }),
    );
    expect(peak).toBeLessThanOrEqual(estimate.kernels);
    expect(estimate.kernels).toBeLessThan(SLACK * peak);
  });
});

/** Models of the bench; the largest are in estimate.long.test.ts. */
const MODELS: readonly (readonly [name: string, weights: 'public' | 'committed', ...files: string[]])[] = [
  ['cnn-264k', 'public'],
  ['dense-4m', 'public'],
  ['dense-4m', 'committed'],
  ['mnist-cnn', 'public', 'mnist_cnn.onnx'],
  ['kws', 'public', 'kws_dscnn.onnx'],
  ['resnet-8', 'public', 'resnet8_cifar10.onnx'],
];
for (const [name, weightsAre, ...files] of MODELS) {
  testWithModels(`the estimate for ${name} with ${weightsAre} weights is at least the peak, and at most 3 % more`, files, async () => {
    const kernels = instantiateKernels(await kernelModule());
    const { estimate, peak } = estimateAndPeak(kernels, await benchModel(kernels, name, weightsAre));
    expect(peak).toBeLessThanOrEqual(estimate.kernels);
    expect(estimate.kernels).toBeLessThan(SLACK * peak);
  });
}

describe('an estimate', () => {
  const { circuit } = committedNet();

  it('is the sum of its parts, all of which are explained, and the largest of its phases', () => {
    const estimate = estimateMemory(circuit);
    expect(Object.values(estimate.parts).reduce((a, b) => a + b)).toBe(estimate.kernels);
    for (const part of Object.keys(estimate.parts)) expect(MEMORY_PARTS).toHaveProperty([part]);
    expect(Math.max(...Object.values(estimate.phases))).toBe(estimate.kernels);
    expect(estimate.phases[estimate.phase]).toBe(estimate.kernels);
    expect(Object.values(estimate.javascriptParts).reduce((a, b) => a + b)).toBe(estimate.javascript);
  });

  it('grows with the number of threads', () => {
    expect(estimateMemory(circuit, { threads: 8 }).kernels).toBeGreaterThan(estimateMemory(circuit, { threads: 1 }).kernels);
  });
});

describe('a prover that may not have the memory it needs', () => {
  const { circuit, weights, inputs } = committedNet();
  const needed = estimateMemory(circuit).kernels;
  const pages = Math.floor(needed / 65536);

  it('refuses before it allocates, and says how much it needs and how much there is', async () => {
    const kernels = instantiateKernels(await kernelModule(), { maximumPages: pages });
    const size = kernels.bytes.length;
    const peak = kernels.arena.peak;
    let refusal: unknown;
    try {
      prepareProver(kernels, circuit, weights);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(MemoryRefusal);
    const { needed: wanted, available, message } = refusal as MemoryRefusal;
    expect(available).toBe(65536 * pages - peak);
    expect(wanted).toBe(needed - 65536 + 64);
    expect(message).toMatch(/takes \d+\.\d MiB \(.*\), \d+\.\d MiB are available/);
    expect(kernels.bytes.length).toBe(size);
    expect(kernels.arena.peak).toBe(peak);
  });

  it('refuses where the caller allows less, and proves with just enough', async () => {
    const kernels = instantiateKernels(await kernelModule());
    expect(() => prepareProver(kernels, circuit, weights, { memoryLimit: needed + 63 })).toThrow(MemoryRefusal);
    const prover = prepareProver(kernels, circuit, weights, { memoryLimit: needed + 64 });
    expect(prover.prove(inputs, new Uint8Array()).proof.length).toBeGreaterThan(0);
  });

  it('counts what others on the same kernels hold', async () => {
    const kernels = instantiateKernels(await kernelModule());
    const held = 2 ** 20;
    kernels.arena.allocate(held);
    expect(() => prepareProver(kernels, circuit, weights, { memoryLimit: needed + held + 63 })).toThrow(MemoryRefusal);
    prepareProver(kernels, circuit, weights, { memoryLimit: needed + held + 64 });
  });

  it('refuses in a worker too', async () => {
    await kernelModule();
    await expect(createProver(nodePlatform, circuit, weights, { threads: 1, memoryLimit: 2 ** 18 })).rejects.toMatchObject({
      name: 'MemoryRefusal',
      available: 2 ** 18 - 65536,
    });
    await expect(createProver(nodePlatform, circuit, weights, { threads: 1, maximumPages: pages })).rejects.toBeInstanceOf(MemoryRefusal);
  });
});
