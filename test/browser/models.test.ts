/** Models as people use them, proven and verified in a page: the same bytes as in Node. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeCircuitFile } from '../../circuits/graph/file.ts';
import { encodeProofFile } from '../../circuits/graph/proof-file.ts';
import { size } from '../../circuits/graph/circuit.ts';
import { encodeWeightsFile } from '../../circuits/graph/weights-file.ts';
import { calibrationDigits, digitsCompileOptions } from '../../circuits/models/digits/digits.ts';
import { compile, type CompileOptions } from '../../circuits/quantize/compile.ts';
import { openModel } from '../../wasm/inference/node.ts';
import { prepareProver } from '../../wasm/prove.ts';
import { loadKernels } from '../support/kernels.ts';
import { testWithModels } from '../support/models.ts';
import { seededGenerator } from '../support/random.ts';
import { SETTINGS, startTestPage, type InPage, type ProvingFiles, type TestPage } from './test-page.ts';

let browserPage: TestPage | undefined;
beforeAll(async () => {
  browserPage = await startTestPage();
});
afterAll(() => browserPage?.close());

/** Compiles a model and proves it in Node, on one thread. */
async function provenInNode(path: string, options: CompileOptions, input?: Uint8Array): Promise<ProvingFiles> {
  const { circuit, weights } = await compile(new Uint8Array(readFileSync(path)), options, { openModel });
  const random = seededGenerator(8);
  const inputs = [input ?? Uint8Array.from({ length: size(circuit.inputs[0]!.shape) }, () => 256 * random())];
  const context = new TextEncoder().encode('a page proves');
  const kernels = await loadKernels();
  const prover = prepareProver(kernels, circuit, weights);
  const { outputs, proof } = prover.prove(inputs, context);
  await kernels.end();
  return {
    circuit: encodeCircuitFile(circuit),
    weights: encodeWeightsFile(weights),
    proof: encodeProofFile({ circuit: prover.digest, context, inputs, outputs, proof }),
  };
}

async function expectSameEverywhere(files: ProvingFiles): Promise<void> {
  for (const [, isolated, threads] of SETTINGS) {
    const { timings } = await browserPage!.expectSameProof(isolated, threads, files);
    expect(timings.total).toBeGreaterThan(0);
  }
}

/** A short calibration: what it is good for is not what is tested here. */
const calibration = { kind: 'uniform', lo: 0, hi: 255, count: 2, seed: 1 } as const;

const DIGITS = join(import.meta.dirname, '../../circuits/models/digits');

test('the built-in model is proven in a page, isolated and not, to the bytes of Node', async () => {
  const bytes = new Uint8Array(readFileSync(join(DIGITS, 'calibration.u8')));
  const { pixels } = calibrationDigits(bytes)[42]!;
  await expectSameEverywhere(await provenInNode(join(DIGITS, 'digits.onnx'), digitsCompileOptions(bytes), pixels));
});

testWithModels('ResNet-8 is proven in a page, isolated and not, to the bytes of Node', ['resnet8_cifar10.onnx'], async ([path]) => {
  await expectSameEverywhere(await provenInNode(path!, { calibration }));
});

test.each(SETTINGS)('the built-in model is compiled in a page to the bytes of Node (%s)', async (_, isolated) => {
  const model = readFileSync(join(DIGITS, 'digits.onnx'));
  const { circuit, weights } = await compile(new Uint8Array(model), { calibration }, { openModel });
  const { page, errors } = await browserPage!.open(isolated);
  const compiled = await page.evaluate((job) => (globalThis as InPage).actions.compile(job), {
    model: model.toString('base64'),
    calibration,
  });
  expect(Buffer.from(compiled.circuit, 'base64').equals(encodeCircuitFile(circuit))).toBe(true);
  expect(Buffer.from(compiled.weights, 'base64').equals(encodeWeightsFile(weights))).toBe(true);
  expect(errors).toEqual([]);
  await page.close();
});
