/** The recipe that `compile` writes beside a circuit, `NAME.recipe.json`: all that `reproduce` needs but the files that it names. */
import type { Recipe } from '../../circuits/quantize/recipe.ts';
import {
  checkFields,
  either,
  isAbsent,
  isCount,
  isDigest,
  isListOf,
  isNull,
  isNumber,
  isObject,
  isOneOf,
  isRecordOf,
  isText,
  parseJsonFile,
  valueAt,
  type Check,
  type Field,
} from './json-file.ts';

export interface RecipeFile {
  readonly veritab: 'recipe';
  readonly version: 1;
  /** Names of the files that went in, for people and as a first guess of where to look; their hashes are in the recipe. */
  readonly files: { readonly model: string; readonly calibration: string | null };
  /** Digest of the circuit with committed weights, lower-case hex, or null where weights are public. */
  readonly committed: string | null;
  /** Of the circuit with public weights. */
  readonly recipe: Recipe;
}

export function encodeRecipeFile(file: RecipeFile): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(file, null, 2)}\n`);
}

const isRange: Check = (value) => isListOf(isNumber)(value) && (value as unknown[]).length === 2;
const isRanges: Check = either(
  isOneOf('minmax', 'mse', 'auto'),
  (value) => isObject(value) && isNumber((value as Record<string, unknown>).percentile),
);
const isNormalization: Check = (value) =>
  isObject(value) && ['mean', 'std'].every((name) => isListOf(isNumber)((value as Record<string, unknown>)[name]));

const FIELDS: readonly Field[] = [
  ['veritab', isOneOf('recipe'), '"recipe"'],
  ['version', isOneOf(1), '1'],
  ['files', isObject, 'an object'],
  ['files.model', isText, 'a file name'],
  ['files.calibration', either(isNull, isText), 'a file name or null'],
  ['committed', either(isNull, isDigest), '64 hexadecimal digits or null'],
  ['recipe', isObject, 'an object'],
  ['recipe.compiler', isNumber, 'a number'],
  ['recipe.model', isDigest, '64 hexadecimal digits'],
  ['recipe.circuit', isDigest, '64 hexadecimal digits'],
  ['recipe.calibration', isObject, 'an object'],
  ['recipe.calibration.kind', isOneOf('data', 'uniform', 'normal'), 'data, uniform or normal'],
  ['recipe.calibration.count', isCount, 'a whole number'],
  ['recipe.options', isObject, 'an object'],
  ['recipe.options.ranges', either(isAbsent, isRanges), 'minmax, mse, auto or a percentile'],
  ['recipe.options.shapes', either(isAbsent, isRecordOf(isListOf(isCount))), 'lists of dimensions by name'],
  ['recipe.options.inputRanges', either(isAbsent, isListOf(isRange)), 'a list of pairs of numbers'],
  ['recipe.options.normalization', either(isAbsent, isNormalization), 'lists mean and std'],
  ['recipe.options.labels', either(isAbsent, isListOf(isText)), 'a list of texts'],
  ['recipe.options.note', either(isAbsent, isText), 'a text'],
];

/** What the calibration must hold besides, by its kind. */
const CALIBRATION_FIELDS: Readonly<Record<string, readonly Field[]>> = {
  data: [
    ['recipe.calibration.hash', isDigest, '64 hexadecimal digits'],
    ['recipe.calibration.format', either(isNull, isOneOf('npy', 'npz', 'json', 'float32', 'uint8')), 'a format or null'],
  ],
  uniform: ['lo', 'hi', 'seed'].map((name) => [`recipe.calibration.${name}`, isNumber, 'a number'] as const),
  normal: ['mean', 'std', 'seed'].map((name) => [`recipe.calibration.${name}`, isNumber, 'a number'] as const),
};

/** Reads a recipe. Throws `Failure` (input) that names the field at fault. */
export function decodeRecipeFile(bytes: Uint8Array): RecipeFile {
  const value = parseJsonFile('recipe', 'compile', bytes);
  checkFields('recipe', value, FIELDS);
  checkFields('recipe', value, CALIBRATION_FIELDS[valueAt(value, 'recipe.calibration.kind') as string]!);
  return value as RecipeFile;
}
