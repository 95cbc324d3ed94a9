import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fromBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { convolutions, weightCount } from '../../circuits/graph/circuit.ts';
import { compile } from '../../circuits/quantize/compile.ts';
import { CNN_264K, DENSE_4M, generate, VGG_16, type GeneratedModel } from '../../server/cli/bench/generated.ts';
import { measure, quantile, type BenchResult } from '../../server/cli/bench/measure.ts';
import { comparisonText, resultsText, type BenchReport } from '../../server/cli/bench/report.ts';
import { openModel } from '../../wasm/inference/node.ts';
import { kernelModule } from '../support/kernels.ts';

const ROOT = join(import.meta.dirname, '../..');

/** Weights of a model by its layers, each layer's fan-in times its outputs. */
function weightsOf({ input, layers }: GeneratedModel): number {
  let [channels, side] = [input[0], input[1] ?? 1];
  let total = 0;
  for (const layer of layers) {
    if (layer.kind === 'convolution') {
      total += channels * layer.kernel ** 2 * layer.channels;
      [channels, side] = [layer.channels, side + 2 * layer.pad - layer.kernel + 1];
    } else if (layer.kind === 'pool') {
      side = Math.floor(side / 2);
    } else if (layer.kind === 'dense') {
      total += channels * side * side * layer.features;
      [channels, side] = [layer.features, 1];
    }
  }
  return total;
}

describe('the generated models', () => {
  it('have the sizes that others publish figures of', () => {
    expect(weightsOf(CNN_264K)).toBe(900 + 9_900 + 825 * 251 + 251 * 175 + 175 * 10);
    expect(weightsOf(DENSE_4M)).toBe(4 * 1024 + 4 * 1024 ** 2 + 1024 * 3);
    expect(weightsOf(VGG_16)).toBe(14_710_464 + 2 * 512 ** 2 + 5_120);
    expect(VGG_16.layers.filter(({ kind }) => kind === 'convolution')).toHaveLength(13);
  });

  it('are the same for a seed, and have the variance 2 / fan-in', () => {
    const [one, same, other] = [1, 1, 2].map((seed) => Buffer.from(generate(CNN_264K, seed)));
    expect(one!.equals(same!)).toBe(true);
    expect(one!.equals(other!)).toBe(false);
    const tensors = fromBinary(ModelProtoSchema, one!).graph!.initializer;
    expect(tensors.map(({ dims }) => dims.map(Number))).toEqual([
      [12, 3, 5, 5],
      [33, 12, 5, 5],
      [251, 825],
      [175, 251],
      [10, 175],
    ]);
    for (const { dims, rawData } of tensors.slice(1, 4)) {
      const values = new Float32Array(Uint8Array.from(rawData).buffer);
      const fanIn = dims.slice(1).reduce((a, b) => a * Number(b), 1);
      const variance = values.reduce((sum, value) => sum + value ** 2, 0) / values.length;
      expect(variance * fanIn).toBeGreaterThan(1.95);
      expect(variance * fanIn).toBeLessThan(2.05);
    }
  });

  it('compile to circuits with as many weights', { timeout: 60_000 }, async () => {
    const calibration = { kind: 'uniform', lo: 0, hi: 1, count: 2, seed: 1 } as const;
    const { circuit, weights } = await compile(generate(CNN_264K, 1), { calibration }, { openModel });
    expect(circuit.inputs.map(({ shape }) => shape)).toEqual([[3, 32, 32]]);
    expect(convolutions(circuit).reduce((sum, { layer, term }) => sum + weightCount(layer.shape[0], term), 0)).toBe(weightsOf(CNN_264K));
    expect(weights).toHaveLength(5);
  });
});

test('the median of an even number of values is the lower one of the middle, and of twenty the 95th percentile is the nineteenth', () => {
  expect(quantile([4, 1, 3, 2], 0.5)).toBe(2);
  const twenty = Array.from({ length: 20 }, (_, n) => 20 - n);
  expect(quantile(twenty, 0.95)).toBe(19);
  expect(quantile(twenty, 0.5)).toBe(10);
  expect(quantile([7], 0.95)).toBe(7);
});

const TINY: GeneratedModel = {
  name: 'tiny',
  input: [1, 6, 6],
  layers: [{ kind: 'convolution', channels: 3, kernel: 3, pad: 1 }, { kind: 'relu' }, { kind: 'pool' }, { kind: 'dense', features: 4 }],
};

test('a measurement has every figure, of proofs that were verified', async () => {
  await kernelModule();
  const calibration = { kind: 'uniform', lo: 0, hi: 1, count: 2, seed: 1 } as const;
  const { circuit, weights } = await compile(generate(TINY, 1), { calibration }, { openModel });
  const seen: string[] = [];
  const subject = { model: 'tiny', weightsAre: 'public', circuit, weights, warmUps: 1, runs: 3 } as const;
  const result = await measure(subject, 2, (done, total) => seen.push(`${done}/${total}`));
  expect(seen).toEqual(['1/4', '2/4', '3/4', '4/4']);
  expect(result).toMatchObject({ model: 'tiny', threads: 2, weights: 'public' });
  const { phases, model: _model, weights: _weights, ...figures } = result;
  expect(Object.keys(phases)).toEqual(['forward', 'commit', 'lookups', 'linear', 'batching', 'opening', 'grinding']);
  for (const value of [...Object.values(figures), ...Object.values(phases)]) expect(value).toBeGreaterThan(0);
  expect(result.prove_p95_ms).toBeGreaterThanOrEqual(result.prove_ms);
  expect(resultsText([result])).toContain('tiny');

  const slower: BenchResult = { ...result, prove_ms: 2 * result.prove_ms };
  expect(comparisonText([result], [slower])).toMatch(/tiny +public +2 +0\.50 +1\.00 +1\.00 +1\.00/);
  expect(comparisonText([result], [{ ...slower, threads: 1 }])).toContain('none of these');
});

describe('npm run bench', () => {
  let folder = '';
  beforeAll(async () => {
    await kernelModule();
    folder = await mkdtemp(join(tmpdir(), 'bench-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const bench = (args: readonly string[]): Promise<{ stdout: string; stderr: string }> =>
    promisify(execFile)(process.execPath, ['--import', 'tsx', join(ROOT, 'server/cli/bench/main.ts'), ...args], { cwd: ROOT });

  it('says which models there are, and which options', async () => {
    await expect(bench(['--only', 'gpt'])).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('mnist-cnn, cnn-264k, dense-4m'),
    });
    await expect(bench(['--threads', '0'])).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('expected numbers 1..64') });
    await expect(bench(['--fast'])).rejects.toMatchObject({ code: 2 });
  });

  it('measures one model, writes the results and compares them to earlier ones', { timeout: 120_000 }, async () => {
    const file = join(folder, 'results.json');
    const { stdout } = await bench(['--only', 'cnn-264k', '--threads', '1', '--json', file]);
    expect(stdout).toMatch(/cnn-264k +public +1 /);
    const { machine, results } = JSON.parse(await readFile(file, 'utf8')) as BenchReport;
    expect(machine.processor).not.toBe('');
    expect(results).toHaveLength(1);
    const halved = { machine, results: results.map((result) => ({ ...result, proof_bytes: 2 * result.proof_bytes })) };
    await writeFile(file, JSON.stringify(halved));
    const compared = await bench(['--only', 'cnn-264k', '--threads', '1', '--compare', file]);
    expect(compared.stdout).toMatch(/cnn-264k +public +1 +\d+\.\d\d +\d+\.\d\d +0\.50 /);
  });
});
