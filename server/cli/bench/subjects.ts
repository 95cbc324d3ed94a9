/** What is measured: public models by others, and generated ones with random weights. */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Calibration } from '../../../circuits/quantize/calibration.ts';
import { CNN_264K, DENSE_4M, generate, VGG_16, type GeneratedModel } from './generated.ts';

export interface Subject {
  readonly model: string;
  readonly weights: 'public' | 'committed';
  readonly calibration: Calibration;
  /** Proofs before those that are measured; proofs that are. */
  readonly warmUps: number;
  readonly runs: number;
  /** The ONNX file, or null where it is not there. */
  readonly load: () => Uint8Array | null;
}

const uniform = (lo: number, hi: number): Calibration => ({ kind: 'uniform', lo, hi, count: 8, seed: 1 });
const often = { warmUps: 3, runs: 20 };

/** The folder of public models: `$VERITAB_MODELS`, by default `shared/models` beside the working directory's parent. */
const folder = resolve(process.env.VERITAB_MODELS ?? '../shared/models');

function published(file: string, model: string, calibration: Calibration, times = often): Subject {
  const path = join(folder, file);
  return { model, weights: 'public', calibration, ...times, load: () => (existsSync(path) ? new Uint8Array(readFileSync(path)) : null) };
}

function generated(model: GeneratedModel, weights: Subject['weights'] = 'public'): Subject {
  return { model: model.name, weights, calibration: uniform(0, 1), ...often, load: () => generate(model, 1) };
}

export const SUBJECTS: readonly Subject[] = [
  published('mnist_cnn.onnx', 'mnist-cnn', uniform(0, 255)),
  generated(CNN_264K),
  generated(DENSE_4M),
  generated(DENSE_4M, 'committed'),
  published('kws_dscnn.onnx', 'kws', { kind: 'normal', mean: 0, std: 20, count: 8, seed: 1 }),
  published('resnet8_cifar10.onnx', 'resnet-8', uniform(0, 255)),
  generated(VGG_16),
  published('mobilenet_v2_224.onnx', 'mobilenet-v2', { kind: 'normal', mean: 0, std: 1, count: 2, seed: 1 }, { warmUps: 1, runs: 3 }),
];
