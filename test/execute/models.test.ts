/** Whole models: the plain executor, ONNX Runtime on the exported integer file, and the kernels compute the same integers, every one. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { Execution } from '../../circuits/execute/execute.ts';
import { convolutions, size, type Circuit } from '../../circuits/graph/circuit.ts';
import { digitsCompileOptions } from '../../circuits/models/digits/digits.ts';
import { compile, type CompileOptions } from '../../circuits/quantize/compile.ts';
import { runForward } from '../../wasm/forward/forward.ts';
import { openModel } from '../../wasm/inference/node.ts';
import { placeWeights } from '../../wasm/linear/convolution.ts';
import { layoutOf, type Slot } from '../../wasm/statement/layout.ts';
import { expectSameIntegers } from '../support/integer-model.ts';
import { loadKernels } from '../support/kernels.ts';
import { testWithModels } from '../support/models.ts';
import { seededGenerator } from '../support/random.ts';

const kernels = await loadKernels(2);
afterAll(kernels.end);

const bytes: CompileOptions = { calibration: { kind: 'uniform', lo: 0, hi: 255, count: 2, seed: 1 } };
const normal: CompileOptions = { calibration: { kind: 'normal', mean: 0, std: 1, count: 1, seed: 1 } };

/** Random bytes, like those of a picture with many edges. */
function randomInputs(circuit: Circuit): Uint8Array[] {
  const random = seededGenerator(3);
  return circuit.inputs.map(({ shape }) => Uint8Array.from({ length: size(shape) }, () => Math.floor(256 * random())));
}

function extremeInputs(circuit: Circuit): Uint8Array[][] {
  return [0, 255].map((value) => circuit.inputs.map(({ shape }) => new Uint8Array(size(shape)).fill(value)));
}

/** First valid entry of a slot that differs from a tensor's, or null. */
function difference(address: number, { channels, height, width, rowBits, columnBits }: Slot, tensor: ArrayLike<number>): number | null {
  const words = kernels.words.subarray(address / 4);
  for (let n = 0; n < channels * height * width; n++) {
    const [c, i, j] = [Math.floor(n / (height * width)), Math.floor(n / width) % height, n % width];
    if (words[(((c << rowBits) + i) << columnBits) + j] !== tensor[n]) return n;
  }
  return null;
}

function expectSameInKernels(circuit: Circuit, weights: readonly Int8Array[], inputs: readonly Uint8Array[], run: Execution): void {
  const mark = kernels.arena.mark();
  const layout = layoutOf(circuit);
  const rows = convolutions(circuit).map(({ layer }, k) => placeWeights(kernels, weights[k]!, layer.shape[0]));
  const forward = runForward(kernels, layout, rows, inputs);
  expect(forward.outputs).toEqual(run.outputs);
  layout.tensorSlots.forEach((slot, tensor) => {
    if (slot) expect(difference(forward.witness + 4 * slot.offset, slot, run.tensors[tensor]!), `tensor ${tensor}`).toBeNull();
  });
  kernels.arena.release(mark);
}

async function expectSameEverywhere(model: Uint8Array, options: CompileOptions, extremes: boolean): Promise<void> {
  const { circuit, weights } = await compile(model, options, { openModel });
  const inputs = [randomInputs(circuit), ...(extremes ? extremeInputs(circuit) : [])];
  const runs = await expectSameIntegers(circuit, weights, inputs);
  inputs.forEach((input, k) => {
    expectSameInKernels(circuit, weights, input, runs[k]!);
  });
}

test('the built-in digits model', async () => {
  const folder = join(import.meta.dirname, '../../circuits/models/digits');
  const options = digitsCompileOptions(await readFile(join(folder, 'calibration.u8')));
  await expectSameEverywhere(await readFile(join(folder, 'digits.onnx')), options, true);
});

testWithModels('the MNIST CNN', ['mnist_cnn.onnx'], async ([path]) => expectSameEverywhere(await readFile(path!), bytes, true));
testWithModels('ResNet-8', ['resnet8_cifar10.onnx'], async ([path]) => expectSameEverywhere(await readFile(path!), bytes, true));
testWithModels('the keyword spotter', ['kws_dscnn.onnx'], async ([path]) => expectSameEverywhere(await readFile(path!), normal, true));
testWithModels('MobileNetV2', ['mobilenet_v2_224.onnx'], async ([path]) => expectSameEverywhere(await readFile(path!), normal, false));
