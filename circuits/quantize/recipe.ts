/**
 * The recipe of a circuit: all that its digest follows from. Who has the ONNX file and the calibration inputs computes the digest again. Source: the integer
 * model, "Quantizing".
 */
import { blake3 } from '@noble/hashes/blake3.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { circuitDigest } from '../graph/encoding.ts';
import { readModel } from '../onnx/read.ts';
import { CalibrationError, type Calibration, type NormalCalibration, type Sample, type UniformCalibration } from './calibration.ts';
import { readCalibration, type CalibrationFormat } from './calibration-file.ts';
import { compile, type Compiled, type CompileOptions, type Platform } from './compile.ts';
import type { Evaluation } from './evaluate.ts';

/** Changes whenever the same file and calibration may give another circuit. */
export const COMPILER_VERSION = 1;

/** Calibration inputs, by hash. */
export interface DataRecipe {
  readonly kind: 'data';
  readonly count: number;
  /** BLAKE3 of all samples as little-endian float32, in order, lower-case hex. */
  readonly hash: string;
  /** Format of the file that they were read from, or null where they were not. */
  readonly format: CalibrationFormat | null;
}

/** Plain data: survives JSON. */
export interface Recipe {
  readonly compiler: number;
  /** BLAKE3 of the ONNX file, lower-case hex. */
  readonly model: string;
  readonly calibration: DataRecipe | UniformCalibration | NormalCalibration;
  readonly options: Omit<CompileOptions, 'calibration'>;
  /** Measured on calibration inputs: per output, mean cosine of float and integer values. */
  readonly cosines: readonly number[];
  /** Measured on other data, if it was. */
  readonly evaluation: Evaluation | null;
  /** Digest of the circuit, lower-case hex. */
  readonly circuit: string;
}

/** BLAKE3 of samples as little-endian float32, lower-case hex. */
export function samplesHash(samples: readonly Sample[]): string {
  const hash = blake3.create();
  for (const sample of samples) {
    for (const values of sample) {
      const bytes = new Uint8Array(4 * values.length);
      const view = new DataView(bytes.buffer);
      values.forEach((v, n) => {
        view.setFloat32(4 * n, v, true);
      });
      hash.update(bytes);
    }
  }
  return bytesToHex(hash.digest());
}

function calibrationRecipe(calibration: Calibration, format: CalibrationFormat | null): Recipe['calibration'] {
  if (calibration.kind !== 'data') return calibration;
  const { samples } = calibration;
  return { kind: 'data', count: samples.length, hash: samplesHash(samples), format };
}

/**
 * The recipe of what `compile` made of a model with these options. `format`: of the file that calibration inputs were read from. `evaluation`: on data that
 * calibration has not seen.
 */
export function recipeOf(
  model: Uint8Array,
  options: CompileOptions,
  { circuit, report }: Compiled,
  { format = null, evaluation = null }: { readonly format?: CalibrationFormat | null; readonly evaluation?: Evaluation | null } = {},
): Recipe {
  const { calibration, ...others } = options;
  return {
    compiler: COMPILER_VERSION,
    model: bytesToHex(blake3(model)),
    calibration: calibrationRecipe(calibration, format),
    options: others,
    cosines: report.outputs.map(({ cosine }) => cosine),
    evaluation,
    circuit: bytesToHex(circuitDigest(circuit)),
  };
}

/** The samples that a recipe was made with, from the file's bytes or as they are. Throws `CalibrationError` where they are others. */
function samplesOf(
  { count, hash, format }: DataRecipe,
  model: Uint8Array,
  recipe: Recipe,
  given: Uint8Array | readonly Sample[] | null,
): readonly Sample[] {
  if (!given) throw new CalibrationError(`the recipe needs its ${count} calibration inputs`);
  const { shapes } = recipe.options;
  const samples =
    given instanceof Uint8Array ? readCalibration(given, readModel(model, shapes ? { shapes } : {}).inputs, format ?? undefined) : given;
  const own = samples.slice(0, count);
  const actual = samplesHash(own);
  if (own.length !== count || actual !== hash)
    throw new CalibrationError(
      `these are not the recipe's calibration inputs: expected ${count} with hash ${hash}, got ${own.length} with ${actual}`,
    );
  return own;
}

/**
 * Compiles by recipe. Returns the digest (lower-case hex) that comes out, and whether it is the recipe's. `calibration`: the bytes of the file that the calibration
 * inputs were read from, or the inputs; null for a distribution. Throws `CalibrationError` where model, calibration or compiler are not those of the
 * recipe, `ModelError` as `compile` does.
 */
export async function reproduce(
  recipe: Recipe,
  model: Uint8Array,
  calibration: Uint8Array | readonly Sample[] | null,
  platform: Platform,
): Promise<{ readonly digest: string; readonly matches: boolean; readonly compiled: Compiled }> {
  if (recipe.compiler !== COMPILER_VERSION)
    throw new CalibrationError(`the recipe is for compiler ${recipe.compiler}, this is compiler ${COMPILER_VERSION}`);
  const actual = bytesToHex(blake3(model));
  if (actual !== recipe.model) throw new CalibrationError(`this is not the recipe's model: expected hash ${recipe.model}, got ${actual}`);
  const own: Calibration =
    recipe.calibration.kind === 'data'
      ? { kind: 'data', samples: samplesOf(recipe.calibration, model, recipe, calibration) }
      : recipe.calibration;
  const compiled = await compile(model, { ...recipe.options, calibration: own }, platform);
  const digest = bytesToHex(circuitDigest(compiled.circuit, platform.hash));
  return { digest, matches: digest === recipe.circuit, compiled };
}
