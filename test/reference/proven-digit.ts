/** The built-in model's proof of one digit. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { calibrationDigits, digitsCompileOptions } from '../../circuits/models/digits/digits.ts';
import { compile } from '../../circuits/quantize/compile.ts';
import { openModel } from '../../wasm/inference/node.ts';
import { prepareProver } from '../../wasm/prove.ts';
import { seededGenerator } from '../support/random.ts';
import { CONTEXT } from './proofs.ts';
import { kernels, type TestedVerifier } from './verifiers.ts';

const FOLDER = join(import.meta.dirname, '../../circuits/models/digits');
const read = (name: string): Uint8Array => new Uint8Array(readFileSync(join(FOLDER, name)));

const calibration = read('calibration.u8');
export const { circuit, weights } = await compile(read('digits.onnx'), digitsCompileOptions(calibration), { openModel });
export const inputs = [calibrationDigits(calibration)[37]!.pixels];
export const { outputs, proof, messages } = prepareProver(kernels, circuit, weights).prove(inputs, CONTEXT);
export const statement = { inputs, outputs, context: CONTEXT };
export const random = seededGenerator(71);

/** Expects a proof with one bit of a word flipped to be refused. */
export function expectWordRefused(verifier: TestedVerifier, word: number): void {
  const byte = 4 * word + Math.floor(4 * random());
  const wrong = proof.with(byte, proof[byte]! ^ (1 << Math.floor(8 * random())));
  if (verifier.verify(circuit, weights, statement, wrong).ok) expect.fail(`byte ${byte} of the proof: accepted by ${verifier.name}`);
}
