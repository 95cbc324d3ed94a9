/** The recipe that `compile` writes beside a circuit, `NAME.recipe.json`: all that `reproduce` needs but the files that it names. */
import type { Recipe } from '../../circuits/quantize/recipe.ts';
import { Failure } from './failure.ts';

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

/** Says what a value is, for messages. */
const shown = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 60));

type Check = (value: unknown) => boolean;

const isNumber: Check = (value) => typeof value === 'number' && Number.isFinite(value);
const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isText: Check = (value) => typeof value === 'string';
const isDigest: Check = (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
const isObject: Check = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const isNull: Check = (value) => value === null;
const isAbsent: Check = (value) => value === undefined;
const isOneOf =
  (...choices: readonly unknown[]): Check =>
  (value) =>
    choices.includes(value);
const isListOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
const isRecordOf =
  (check: Check): Check =>
  (value) =>
    isObject(value) && Object.values(value as object).every(check);
const either =
  (...checks: readonly Check[]): Check =>
  (value) =>
    checks.some((check) => check(value));

const isRange: Check = (value) => isListOf(isNumber)(value) && (value as unknown[]).length === 2;
const isRanges: Check = either(
  isOneOf('minmax', 'mse', 'auto'),
  (value) => isObject(value) && isNumber((value as Record<string, unknown>).percentile),
);
const isNormalization: Check = (value) =>
  isObject(value) && ['mean', 'std'].every((name) => isListOf(isNumber)((value as Record<string, unknown>)[name]));

/** Where a value must stand, what it must be, and how to say so. */
const FIELDS: readonly (readonly [path: string, check: Check, expected: string])[] = [
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
const CALIBRATION_FIELDS: Readonly<Record<string, readonly (readonly [path: string, check: Check, expected: string])[]>> = {
  data: [
    ['recipe.calibration.hash', isDigest, '64 hexadecimal digits'],
    ['recipe.calibration.format', either(isNull, isOneOf('npy', 'npz', 'json', 'float32', 'uint8')), 'a format or null'],
  ],
  uniform: ['lo', 'hi', 'seed'].map((name) => [`recipe.calibration.${name}`, isNumber, 'a number'] as const),
  normal: ['mean', 'std', 'seed'].map((name) => [`recipe.calibration.${name}`, isNumber, 'a number'] as const),
};

/** Reads a recipe. Throws `Failure` (input) that names the field at fault. */
export function decodeRecipeFile(bytes: Uint8Array): RecipeFile {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new Failure('input', 'recipe', 'the recipe is not JSON', { expected: 'a file that veritab compile wrote', cause });
  }
  const at = (path: string): unknown =>
    path
      .split('.')
      .reduce<unknown>(
        (node, name) => (isObject(node) && Object.hasOwn(node as object, name) ? (node as Record<string, unknown>)[name] : undefined),
        value,
      );
  const check = ([path, holds, expected]: (typeof FIELDS)[number]): void => {
    if (!holds(at(path))) throw new Failure('input', 'recipe', `the recipe's field ${path} is wrong`, { expected, got: shown(at(path)) });
  };
  FIELDS.forEach(check);
  CALIBRATION_FIELDS[at('recipe.calibration.kind') as string]!.forEach(check);
  return value as RecipeFile;
}
