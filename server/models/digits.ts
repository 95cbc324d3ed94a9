/** The built-in model's files: compiled at the first start, kept below the data folder under a name that says what they were made of. */
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, rename, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodeCircuitFile } from '../../circuits/graph/file.ts';
import { encodeWeightsFile } from '../../circuits/graph/weights-file.ts';
import { digitsCompileOptions } from '../../circuits/models/digits/digits.ts';
import { compile } from '../../circuits/quantize/compile.ts';
import { openModel } from '../../wasm/inference/node.ts';
import type { ModelFiles } from './prepared.ts';

const CIRCUITS = fileURLToPath(new URL('../../circuits/', import.meta.url));
const MODEL = join(CIRCUITS, 'models', 'digits');

/** Folders of `circuits/` whose code decides what a model is compiled to. */
const COMPILER = ['bounds', 'cost', 'execute', 'graph', 'onnx', 'quantize'];

/** SHA-256 of the model and of the compiler's code, 64 hexadecimal digits. */
async function fingerprint(onnx: Uint8Array, calibration: Uint8Array): Promise<string> {
  const hash = createHash('sha256').update(onnx).update(calibration);
  for (const folder of COMPILER) {
    const names = await readdir(join(CIRCUITS, folder), { recursive: true });
    for (const name of names.filter((file) => ['.ts', '.js'].includes(extname(file))).sort())
      hash.update(`${folder}/${name}\0`).update(await readFile(join(CIRCUITS, folder, name)));
  }
  return hash.digest('hex');
}

/** The files of the built-in model; compiling takes about a second, reading them again milliseconds. `folder` is made where it is missing. */
export async function digitsFiles(folder: string): Promise<ModelFiles> {
  const [onnx, calibration] = await Promise.all(['digits.onnx', 'calibration.u8'].map((name) => readFile(join(MODEL, name))));
  const name = join(folder, `digits-${(await fingerprint(onnx!, calibration!)).slice(0, 32)}`);
  const paths = { circuit: `${name}.circuit`, weights: `${name}.weights` };
  if (existsSync(paths.circuit) && existsSync(paths.weights))
    return { circuit: new Uint8Array(await readFile(paths.circuit)), weights: new Uint8Array(await readFile(paths.weights)) };
  const compiled = await compile(new Uint8Array(onnx!), digitsCompileOptions(new Uint8Array(calibration!)), { openModel });
  const files = { circuit: encodeCircuitFile(compiled.circuit), weights: encodeWeightsFile(compiled.weights) };
  await mkdir(folder, { recursive: true });
  // The circuit last: where it is, both are whole.
  await writeWhole(paths.weights, files.weights);
  await writeWhole(paths.circuit, files.circuit);
  return files;
}

async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.${randomUUID()}.partial`;
  await writeFile(temporary, bytes, { flush: true });
  await rename(temporary, path);
}
