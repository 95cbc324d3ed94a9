/** JSON files of ours: which fields they must have. */
import { Failure } from './failure.ts';

/** Whether a value is what it should be. */
export type Check = (value: unknown) => boolean;

export const isNumber: Check = (value) => typeof value === 'number' && Number.isFinite(value);
export const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
export const isText: Check = (value) => typeof value === 'string';
export const isDigest: Check = (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
export const isObject: Check = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
export const isNull: Check = (value) => value === null;
export const isAbsent: Check = (value) => value === undefined;
export const isOneOf =
  (...choices: readonly unknown[]): Check =>
  (value) =>
    choices.includes(value);
export const isListOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
export const isRecordOf =
  (check: Check): Check =>
  (value) =>
    isObject(value) && Object.values(value as object).every(check);
export const either =
  (...checks: readonly Check[]): Check =>
  (value) =>
    checks.some((check) => check(value));

/** Where a value must stand (names with points between), what it must be, and how to say so. */
export type Field = readonly [path: string, check: Check, expected: string];

/** What stands at a path of a JSON value; undefined where nothing does. */
export function valueAt(value: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (node, name) => (isObject(node) && Object.hasOwn(node as object, name) ? (node as Record<string, unknown>)[name] : undefined),
      value,
    );
}

/** Throws `Failure` (input) that names the first field that is not what it must be. `what`: the kind of file, `recipe` for example. */
export function checkFields(what: string, value: unknown, fields: readonly Field[]): void {
  for (const [path, holds, expected] of fields) {
    const got = valueAt(value, path);
    if (!holds(got)) throw new Failure('input', what, `the ${what}'s field ${path} is wrong`, { expected, got: shown(got) });
  }
}

/** The JSON value of a file. Throws `Failure` (input). `writer`: the command that writes such files. */
export function parseJsonFile(what: string, writer: string, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new Failure('input', what, `the ${what} is not JSON`, { expected: `a file that veritab ${writer} wrote`, cause });
  }
}

/** Says what a value is, for messages. */
const shown = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 60));
