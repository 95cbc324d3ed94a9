/**
 * The public models and data sets that tests read but the repository does not hold: `$VERITAB_MODELS`, by default `../shared/models` beside the
 * repository. A test that needs one is listed as not run, with the reason, where it is missing; under `CI` it fails.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, test } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');

/** Path of the folder of public models, or null if there is none. */
export function modelsFolder(): string | null {
  const folder = resolve(ROOT, process.env.VERITAB_MODELS ?? '../shared/models');
  return existsSync(folder) ? folder : null;
}

/** Why tests that need these files cannot run, or null if they can. */
export function missingModels(files: readonly string[]): string | null {
  const folder = modelsFolder();
  if (folder === null) return 'no folder of public models: set $VERITAB_MODELS or provide ../shared/models';
  const missing = files.filter((file) => !existsSync(join(folder, file)));
  return missing.length === 0 ? null : `not in ${folder}: ${missing.join(', ')}`;
}

/**
 * `describe` for tests that need public models. `body` gets the paths of `files`, in order; it must not read them before a test or hook runs,
 * since its tests are collected even where the files are missing.
 * @example describeWithModels('a residual network', ['resnet8_cifar10.onnx'], ([path]) => { test('is read', () => { ... }) })
 */
export function describeWithModels(name: string, files: readonly string[], body: (paths: readonly string[]) => void): void {
  const paths = files.map((file) => join(modelsFolder() ?? '', file));
  const reason = missingModels(files);
  if (reason === null) describe(name, () => body(paths));
  else if (process.env.CI) failing(`${name} (${files.join(', ')})`, reason);
  else describe(name, { skip: true, meta: { notRun: reason } }, () => body(paths));
}

/**
 * `test` for one that needs public models; `body` gets the paths of `files`, in order.
 * @example testWithModels('the accuracy is kept', ['mnist_cnn.onnx'], async ([path]) => { ... })
 */
export function testWithModels(name: string, files: readonly string[], body: (paths: readonly string[]) => void | Promise<void>): void {
  const paths = files.map((file) => join(modelsFolder() ?? '', file));
  const reason = missingModels(files);
  if (reason === null) test(name, () => body(paths));
  else if (process.env.CI) failing(name, reason);
  else test(name, { skip: true, meta: { notRun: reason } }, () => body(paths));
}

function failing(name: string, reason: string): void {
  test(name, () => {
    throw new Error(reason);
  });
}

declare module 'vitest' {
  interface TaskMeta {
    /** Why a skipped test was not run; printed by `npm test`. */
    notRun?: string;
  }
}
