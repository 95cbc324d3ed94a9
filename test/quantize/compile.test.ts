/** Public models become circuits that keep their answers: float outputs by ONNX Runtime, integer outputs by the plain executor. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { checkCircuit } from '../../circuits/bounds/index.ts';
import { execute } from '../../circuits/execute/execute.ts';
import { circuitDigest } from '../../circuits/graph/encoding.ts';
import { compile, type Compiled, type CompileOptions } from '../../circuits/quantize/compile.ts';
import { runFast } from '../../circuits/quantize/forward.ts';
import { quantizeInput, realOutputs } from '../../circuits/quantize/real-values.ts';
import { cosineOf } from '../../circuits/quantize/report.ts';
import { normalGenerator, uniformGenerator } from '../../circuits/quantize/seeded.ts';
import { openModel } from '../../wasm/inference/node.ts';
import { describeWithModels } from '../support/models.ts';

const read = (path: string): Uint8Array => new Uint8Array(readFileSync(path));

function compiled(path: string, options: CompileOptions): Promise<Compiled> {
  return compile(read(path), options, { openModel });
}

/** Mean cosine of float and integer outputs over inputs that calibration has not seen. */
async function meanCosine(path: string, { circuit, weights }: Compiled, count: number, next: () => number): Promise<number> {
  const [input] = circuit.meaning.inputs;
  const [output] = circuit.meaning.outputs;
  const session = await openModel(read(path), [output!.name]);
  let sum = 0;
  for (let k = 0; k < count; k++) {
    const data = Float32Array.from({ length: input!.dims.reduce((a, b) => a * b, 1) }, next);
    const float = (await session.run({ [input!.name]: { dims: input!.dims, data } }))[output!.name]!.data;
    const tensors = runFast(circuit, weights, [quantizeInput(circuit, 0, data)]);
    const [integer] = realOutputs(circuit, [tensors[circuit.outputs[0]!]!]);
    sum += cosineOf(float, integer!);
  }
  await session.close();
  return sum / count;
}

const pixels = (seed: number): (() => number) => {
  const uniform = uniformGenerator(seed);
  return () => Math.floor(256 * uniform());
};

describeWithModels(
  'the MNIST CNN',
  ['mnist_cnn.onnx', 't10k-images-idx3-ubyte.gz', 't10k-labels-idx1-ubyte.gz'],
  ([path, images, labels]) => {
    test('gives the same circuit every time, and one that may be proven', { timeout: 60_000 }, async () => {
      const options: CompileOptions = { calibration: { kind: 'uniform', lo: 0, hi: 255, count: 4, seed: 1 } };
      const first = await compiled(path!, options);
      const second = await compiled(path!, options);
      checkCircuit(first.circuit, first.weights);
      expect(circuitDigest(second.circuit)).toEqual(circuitDigest(first.circuit));
      const { kind, shape } = first.circuit.layers.at(-1)!;
      expect({ kind, shape }).toEqual({ kind: 'accumulate', shape: [10, 1, 1] });
    });

    test('keeps its accuracy on images', { timeout: 60_000 }, async () => {
      const data = gunzipSync(readFileSync(images!)).subarray(16);
      const answers = gunzipSync(readFileSync(labels!)).subarray(8);
      const image = (n: number): Float32Array => Float32Array.from(data.subarray(784 * n, 784 * (n + 1)));
      const samples = Array.from({ length: 32 }, (_, n) => [image(9_000 + n)]);
      const { circuit, weights } = await compiled(path!, { calibration: { kind: 'data', samples } });
      expect(circuit.meaning.inputs[0]).toMatchObject({ scale: 1, zero: 0 });
      const count = 500;
      let right = 0;
      for (let n = 0; n < count; n++) {
        const logits = [...execute(circuit, weights, [Uint8Array.from(image(n))]).outputs[0]!];
        if (logits.indexOf(Math.max(...logits)) === answers[n]) right += 1;
      }
      expect(right / count).toBeGreaterThan(0.98);
    });
  },
);

describeWithModels(
  'other public models',
  ['resnet8_cifar10.onnx', 'kws_dscnn.onnx', 'mobilenet_v2_224.onnx'],
  ([resnet, kws, mobilenet]) => {
    test('ResNet-8 adds its residuals in the accumulators of convolutions', { timeout: 60_000 }, async () => {
      const result = await compiled(resnet!, { calibration: { kind: 'uniform', lo: 0, hi: 255, count: 8, seed: 1 } });
      const terms = result.circuit.layers.map((layer) => (layer.kind === 'maximum' ? [] : layer.terms.map((term) => term.kind)));
      expect(terms.filter((kinds) => kinds.length === 2)).toEqual([
        ['convolution', 'multiple'],
        ['convolution', 'convolution'],
        ['convolution', 'convolution'],
      ]);
      expect(result.circuit.layers).toHaveLength(9);
      expect(result.circuit.tables).toHaveLength(1);
      expect(await meanCosine(resnet!, result, 32, pixels(2))).toBeGreaterThan(0.999);
    });

    test('the keyword spotter averages exactly', { timeout: 60_000 }, async () => {
      const result = await compiled(kws!, { calibration: { kind: 'normal', mean: 0, std: 20, count: 8, seed: 1 } });
      expect(result.circuit.layers).toHaveLength(11);
      const normal = normalGenerator(2);
      expect(await meanCosine(kws!, result, 32, () => 20 * normal())).toBeGreaterThan(0.999);
    });

    test('MobileNetV2 keeps its answers', { timeout: 120_000 }, async () => {
      const result = await compiled(mobilenet!, { calibration: { kind: 'normal', mean: 0, std: 1, count: 2, seed: 1 } });
      const normal = normalGenerator(2);
      expect(await meanCosine(mobilenet!, result, 2, normal)).toBeGreaterThan(0.99);
      expect(result.circuit.tables).toHaveLength(1);
    });
  },
);
