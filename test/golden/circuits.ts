/** The golden circuits: a proof of each, under one context, is fixed to the byte for a format version. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { calibrationDigits, digitsCompileOptions } from '../../circuits/models/digits/digits.ts';
import { compile } from '../../circuits/quantize/compile.ts';
import { openModel } from '../../wasm/inference/node.ts';
import { committedNet, denseNet, elementwiseNet, featureNet, smallestNet, type Sample } from '../support/circuits.ts';

/** The format version; its vectors stand in the folder of that name, for good. */
export const VERSION = 1;
export const CONTEXT = new TextEncoder().encode('golden');

/** File names are the samples' names with dashes. */
export const goldenSamples = (): Sample[] => [smallestNet(), denseNet(), elementwiseNet(), committedNet(), featureNet()];

/** The built-in model and one of its calibration digits, as they are now: what stands in the vectors of an old version need not follow them. */
export async function digitsSample(): Promise<Sample> {
  const read = (name: string): Uint8Array => new Uint8Array(readFileSync(join(import.meta.dirname, '../../circuits/models/digits', name)));
  const calibration = read('calibration.u8');
  const { circuit, weights } = await compile(read('digits.onnx'), digitsCompileOptions(calibration), { openModel });
  return { name: 'digits', circuit, weights: [...weights], inputs: [calibrationDigits(calibration)[37]!.pixels] };
}

export function fileName(sample: Pick<Sample, 'name'>): string {
  return sample.name.replaceAll(' ', '-');
}
