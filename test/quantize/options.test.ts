/** Options of the compiler, and what it refuses. */
import { describe, expect, test } from 'vitest';
import { compile, type CompileOptions } from '../../circuits/quantize/compile.ts';
import { ModelError } from '../../circuits/onnx/float-graph.ts';
import { realOutputs, quantizeInput } from '../../circuits/quantize/real-values.ts';
import { execute } from '../../circuits/execute/execute.ts';
import { openModel } from '../../wasm/inference/node.ts';
import { onnxModel, type OnnxModel } from '../support/onnx-builder.ts';
import { seededGenerator } from '../support/random.ts';
import { Chain, compileSmall, DEFAULTS, noiseOf } from './small-models.ts';

async function refusal(model: OnnxModel, options: CompileOptions = DEFAULTS): Promise<ModelError> {
  try {
    await compile(onnxModel(model), options, { openModel });
  } catch (error) {
    if (error instanceof ModelError) return error;
    throw error;
  }
  throw new Error('was compiled');
}

describe('ranges', () => {
  const outlying = (): Chain => {
    const c = new Chain([1, 4, 8, 8], 3).conv(6, 4, [3, 3]);
    return c
      .add('Relu')
      .conv(6, 6, [3, 3], { pads: [1, 1, 1, 1] })
      .add('Relu')
      .conv(3, 6, [1, 1]);
  };

  test('each rule gives a circuit that keeps the outputs; auto gives the best of them', async () => {
    const model = outlying().model();
    const quality: number[] = [];
    for (const ranges of ['minmax', 'mse', { percentile: 99.99 }] as const) {
      const compiled = await compileSmall(model, { ...DEFAULTS, ranges });
      expect((await noiseOf(model, compiled))[0]).toBeGreaterThan(25);
      quality.push(compiled.report.outputs[0]!.snr!);
    }
    const auto = await compileSmall(model, { ...DEFAULTS, ranges: 'auto' });
    expect(auto.report.outputs[0]!.snr).toBe(Math.max(...quality));
  });

  test('percentiles clip, min and max do not', async () => {
    const model = outlying().model();
    const clipped = async (ranges: CompileOptions['ranges']): Promise<number> => {
      const { report } = await compileSmall(model, { ...DEFAULTS, ...(ranges && { ranges }) });
      return Math.max(...report.layers.map((layer) => layer.clipped));
    };
    expect(await clipped('minmax')).toBe(0);
    const share = await clipped({ percentile: 99 });
    expect(share).toBeGreaterThan(0.003);
    expect(share).toBeLessThan(0.02);
  });

  test('of inputs are those of the distribution, of the caller, of bytes, or what was seen', async () => {
    const model = new Chain([1, 20]).add('Relu').model();
    const input = async (options: Partial<CompileOptions>) => {
      const { circuit } = await compileSmall(model, { ...DEFAULTS, ...options });
      const { scale, zero } = circuit.meaning.inputs[0]!;
      return { scale, zero };
    };
    expect(await input({})).toEqual({ scale: Number((2 / 255).toPrecision(12)), zero: 128 });
    expect(await input({ inputRanges: [[0, 255]] })).toEqual({ scale: 1, zero: 0 });
    const data = (values: Float32Array): CompileOptions => ({ calibration: { kind: 'data', samples: [[values]] } });
    expect(await input(data(Float32Array.from({ length: 20 }, (_, k) => 3 * k)))).toEqual({ scale: 1, zero: 0 });
    expect(await input(data(Float32Array.from({ length: 20 }, (_, k) => k / 19)))).toEqual({
      scale: Number((1 / 255).toPrecision(12)),
      zero: 0,
    });
  });
});

describe('a normalization on request', () => {
  const normalization = { mean: [100, 120, 90], std: [50, 60, 70] };
  const random = seededGenerator(5);
  const samples = Array.from({ length: 8 }, () => [Float32Array.from({ length: 3 * 64 }, () => Math.floor(256 * random()))]);
  const options: CompileOptions = { calibration: { kind: 'data', samples }, normalization };

  test('lets the circuit read bytes', async () => {
    const chain = new Chain([1, 3, 8, 8]).conv(6, 3, [3, 3]).add('Relu').conv(2, 6, [6, 6]);
    const bytes = onnxModel(chain.model());
    const { circuit, weights, report } = await compileSmall(chain.model(), options);
    expect(circuit.layers).toHaveLength(2);
    expect(circuit.meaning.inputs[0]).toMatchObject({ scale: 1, zero: 0 });
    expect(circuit.meaning.inputs[0]!.note).toContain('mean 100, 120, 90');
    expect(report.outputs[0]!.cosine).toBeGreaterThan(0.999);
    const session = await openModel(bytes, [chain.value]);
    const data = samples[0]![0]!.map((v, n) => (v - normalization.mean[Math.floor(n / 64)]!) / normalization.std[Math.floor(n / 64)]!);
    const float = (await session.run({ v0: { dims: [1, 3, 8, 8], data } }))[chain.value]!.data;
    const [integer] = realOutputs(circuit, execute(circuit, weights, [quantizeInput(circuit, 0, samples[0]![0]!)]).outputs);
    float.forEach((v, k) => expect(Math.abs(v - integer![k]!)).toBeLessThan(0.05 * Math.max(...float.map(Math.abs))));
    await session.close();
  });

  test('is refused where the first layer pads', async () => {
    const error = await refusal(
      new Chain([1, 3, 8, 8])
        .conv(6, 3, [3, 3], { pads: [1, 1, 1, 1] })
        .add('Relu')
        .model(),
      options,
    );
    expect(error.message).toMatch('Conv v1 (Conv): pads the input that is to be normalized');
  });

  test('has one mean and deviation per channel', async () => {
    const wrong = { ...options, normalization: { mean: [1], std: [1] } };
    expect((await refusal(new Chain([1, 3, 8, 8]).conv(6, 3, [3, 3]).add('Relu').model(), wrong)).message).toMatch('one per channel');
  });
});

describe('a model is refused', () => {
  test('where a weight is not a number', async () => {
    const chain = new Chain([1, 4]);
    chain.add('Gemm', [chain.constant([4, 2], [1, 2, NaN, 4, 5, 6, 7, 8])]).add('Relu');
    expect((await refusal(chain.model())).message).toMatch(/v1.*NaN/);
  });

  test('where a value overflows', async () => {
    const chain = new Chain([1, 4]);
    chain.add('Gemm', [chain.constant([4, 2], new Array<number>(8).fill(3e38))]).add('Relu');
    chain.add('Gemm', [chain.constant([2, 2], [1e30, 1e30, 1e30, 1e30])]).add('Relu');
    const error = await refusal(chain.model(), { calibration: { kind: 'uniform', lo: 0, hi: 10, count: 2, seed: 1 } });
    expect(error.message).toMatch('finite numbers are expected');
  });

  test('where nothing is left to prove', async () => {
    const chain = new Chain([1, 4]);
    chain.add('Gemm', [chain.weights([4, 2])]);
    expect((await refusal(chain.model())).message).toMatch('faster computed than proven');
  });

  test('where labels do not fit its output', async () => {
    const error = await refusal(new Chain([1, 4]).add('Relu').model(), { ...DEFAULTS, labels: ['yes', 'no'] });
    expect(error.message).toMatch('2 labels for 4 elements');
  });

  test('where input ranges do not fit its inputs', async () => {
    const model = new Chain([1, 4]).add('Relu').model();
    expect((await refusal(model, { ...DEFAULTS, inputRanges: [] })).message).toMatch('0 input ranges');
    expect((await refusal(model, { ...DEFAULTS, inputRanges: [[1, 1]] })).message).toMatch('range 1 to 1');
  });
});

describe('extreme numbers still give a circuit that may be proven', () => {
  const small = (): Chain => new Chain([1, 3, 6, 6], 8);

  test('an activation that calibration never sees alive', async () => {
    const chain = small();
    chain
      .conv(4, 3, [3, 3])
      .add('Sub', [chain.constant([], [100])])
      .add('Relu')
      .conv(2, 4, [4, 4]);
    await compileSmall(chain.model());
  });

  test('weights of zero', async () => {
    const chain = small();
    chain.add('Conv', [chain.constant([4, 3, 3, 3], new Array<number>(108).fill(0)), chain.constant([4], [1, 2, 3, 0])]).add('Relu');
    const model = chain.conv(2, 4, [4, 4]).model();
    expect((await noiseOf(model, await compileSmall(model)))[0]).toBeGreaterThan(40);
  });

  test('channels of very different size', async () => {
    const chain = small();
    chain
      .conv(4, 3, [3, 3])
      .add('Mul', [chain.constant([4, 1, 1], [1e-6, 1, 1e-3, 30])])
      .add('Relu');
    const model = chain.conv(2, 4, [4, 4]).model();
    expect((await noiseOf(model, await compileSmall(model)))[0]).toBeGreaterThan(25);
  });

  test('tiny and huge inputs', async () => {
    for (const hi of [1e-20, 1e20]) {
      const chain = small();
      const model = chain.conv(4, 3, [3, 3]).add('Relu').conv(2, 4, [4, 4]).model();
      await compileSmall(model, { calibration: { kind: 'uniform', lo: -hi, hi, count: 2, seed: 1 } });
    }
  });

  test('sums over thousands, whose shift passes 12', async () => {
    const chain = new Chain([1, 2, 96, 96]).add('Abs').add('GlobalAveragePool').add('Flatten');
    const model = chain.add('Gemm', [chain.weights([2, 3])]).model();
    expect((await noiseOf(model, await compileSmall(model)))[0]).toBeGreaterThan(30);
  });

  test('a step function', async () => {
    const chain = small().conv(4, 3, [3, 3]).add('Sign').conv(2, 4, [4, 4]);
    await compileSmall(chain.model());
  });

  test('a function that is not a number everywhere', async () => {
    const chain = small();
    const model = chain.conv(4, 3, [3, 3]).add('Abs').add('Sqrt').conv(2, 4, [4, 4]).model();
    expect((await noiseOf(model, await compileSmall(model)))[0]).toBeGreaterThan(25);
  });
});
