/** What `npm start` shows until there is a network: the built-in model reads a digit, proves what it read, and two verifiers check it. */
import { readFile } from 'node:fs/promises';
import { calibrationDigits, digitsCompileOptions, digitsModel, type Digit } from '../../circuits/models/digits/digits.ts';
import { compile } from '../../circuits/quantize/compile.ts';
import { realOutputs } from '../../circuits/quantize/real-values.ts';
import { openModel } from '../../wasm/inference/node.ts';
import { nodePlatform } from '../../wasm/runtime/node.ts';
import { createProver, createVerifier } from '../../wasm/runtime/prover.ts';
import { verifyReference } from '../../wasm/verify.ts';
import { bytesText, count, facts, hex, percent, time } from './table.ts';

const MODEL = new URL('../../circuits/models/digits/', import.meta.url);

/** Proofs that are measured, after those that warm the prover up. */
const WARM_UPS = 5;
const RUNS = 20;

export interface Demonstration {
  readonly digit: Digit;
  /** What the model answered. */
  readonly answer: number;
  /** Whether both verifiers accepted the proof, and refused it for another answer. */
  readonly verified: boolean;
  readonly text: string;
}

/** `choose`: a number in [0, 1) that picks one of the hundred digits. Throws if the model's files are missing or the kernels not built. */
export async function demonstrate(choose: () => number, progress: (what: string) => void): Promise<Demonstration> {
  const [onnx, calibration] = await Promise.all([modelFile('digits.onnx'), modelFile('calibration.u8')]);
  const digits = calibrationDigits(calibration);
  const digit = digits[Math.floor(choose() * digits.length)]!;

  progress('compiling the model');
  const begin = performance.now();
  const { circuit, weights } = await compile(onnx, digitsCompileOptions(calibration), { openModel });
  const compiled = performance.now();
  const prover = await createProver(nodePlatform, circuit, weights);
  const verifier = await createVerifier(nodePlatform, circuit, weights);
  try {
    if (!verifier.ok) throw new Error(`the built-in model's circuit is refused: ${verifier.detail}`);
    const context = new TextEncoder().encode('npm start');
    const inputs = [digit.pixels];
    progress('proving');
    const first = await prover.prove(inputs, context);
    const { outputs, proof } = first;
    const statement = { inputs, outputs, context };

    progress('verifying');
    const firstVerified = await timed(() => verifier.verify(statement, proof));
    const reference = await timed(() => verifyReference(circuit, weights, statement, proof));
    const logits = outputs[0]!;
    const answer = logits.indexOf(Math.max(...logits));
    const other = (answer + 1) % logits.length;
    const swapped = logits.slice();
    [swapped[answer], swapped[other]] = [logits[other]!, logits[answer]!];
    const forged = await verifier.verify({ ...statement, outputs: [swapped] }, proof);

    progress('measuring');
    const proving: number[] = [];
    const verifying: number[] = [];
    for (let n = 0; n < WARM_UPS + RUNS; n++) {
      const { timings } = await prover.prove(inputs, context);
      const { milliseconds } = await timed(() => verifier.verify(statement, proof));
      if (n < WARM_UPS) continue;
      proving.push(timings.total);
      verifying.push(milliseconds);
    }

    const shares = softmax(realOutputs(circuit, outputs)[0]!);
    const verdict = (ok: boolean): string => (ok ? 'accepted' : 'REFUSED');
    const weightTotal = weights.reduce((sum, { length }) => sum + length, 0);
    const text = `${picture(digit.pixels)}\n\n${facts([
      [
        'model',
        `${digitsModel.name}: ${circuit.layers.length} layers, ${count(weightTotal)} weights, compiled in ${time(compiled - begin)}`,
      ],
      ['circuit', hex(prover.digest)],
      ['answer', `${digitsModel.output.labels[answer]!} (${percent(shares[answer]!)}); it is a ${digit.label}`],
      [
        'proof',
        `${bytesText(proof.length)} on ${nodePlatform.parallelism} threads in ${time(first.timings.total)} cold, ${time(median(proving))} warm`,
      ],
      ['verifier', `${verdict(firstVerified.value.ok)} in ${time(firstVerified.milliseconds)} cold, ${time(median(verifying))} warm`],
      ['reference verifier', `${verdict(reference.value.ok)} in ${time(reference.milliseconds)}`],
      [
        'the same proof for',
        `"${digitsModel.output.labels[other]!}": ${forged.ok ? 'ACCEPTED' : `refused (${forged.check}: ${forged.detail})`}`,
      ],
    ])}`;
    return { digit, answer, verified: firstVerified.value.ok && reference.value.ok && !forged.ok, text };
  } finally {
    await prover.dispose();
    if (verifier.ok) await verifier.dispose();
  }
}

/** The bytes of a file of the model. */
async function modelFile(name: string): Promise<Uint8Array> {
  return new Uint8Array(await readFile(new URL(name, MODEL)));
}

async function timed<T>(action: () => T | Promise<T>): Promise<{ value: T; milliseconds: number }> {
  const start = performance.now();
  const value = await action();
  return { value, milliseconds: performance.now() - start };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

function softmax(logits: ArrayLike<number>): number[] {
  const values = Array.from(logits);
  const most = Math.max(...values);
  const powers = values.map((value) => Math.exp(value - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

const SHADES = [' ', '░', '▒', '▓', '█'];

/** 28 x 28 bytes as text, two characters a pixel, empty borders left out. */
export function picture(pixels: Uint8Array): string {
  const size = digitsModel.input.dims[3];
  const rows = Array.from({ length: size }, (_, n) =>
    Array.from(pixels.subarray(n * size, (n + 1) * size), (value) =>
      SHADES[Math.ceil((value * (SHADES.length - 1)) / 255)]!.repeat(2),
    ).join(''),
  );
  const inked = rows.flatMap((row, n) => (row.trim() === '' ? [] : [n]));
  return rows
    .slice(inked[0] ?? 0, (inked.at(-1) ?? 0) + 1)
    .map((row) => row.trimEnd())
    .join('\n');
}
