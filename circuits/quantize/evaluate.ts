/** How a circuit's answers compare with its float model's, on data that may have labels. */
import type { Circuit } from '../graph/circuit.ts';
import { CalibrationError, type Sample } from './calibration.ts';
import { runFast } from './forward.ts';
import { normalizedSample } from './normalization.ts';
import type { Normalization } from './program.ts';
import { quantizeInput, realOutputs } from './real-values.ts';
import { cosineOf } from './report.ts';
import type { OpenModel } from './runner.ts';

/** Runs a circuit: bytes of its inputs to integers of its outputs, both in the circuit's order. */
export type IntegerRunner = (inputs: readonly Uint8Array[]) => Promise<readonly ArrayLike<number>[]>;

export interface EvaluationOptions {
  /** The one the circuit was compiled with. */
  readonly normalization?: Normalization;
  /** By default a forward pass in plain JavaScript. */
  readonly integerRunner?: IntegerRunner;
  /** Gets the number of samples done. */
  readonly onProgress?: (done: number) => void;
}

/** Of the first output, over all samples. */
export interface Evaluation {
  readonly count: number;
  /** Mean cosine of float and integer output. */
  readonly cosine: number;
  /** Share of samples for which float and integer output have their largest element at the same place. */
  readonly agreement: number;
  /** Share of samples whose largest element is at their label's place; null without labels. */
  readonly accuracy: { readonly float: number; readonly integer: number } | null;
}

/** Place of the largest element, the first of equal ones. */
function largest(values: Float32Array): number {
  let best = 0;
  for (let k = 1; k < values.length; k++) if (values[k]! > values[best]!) best = k;
  return best;
}

function checkLabels(labels: ArrayLike<number>, samples: number, classes: number): void {
  if (labels.length !== samples) throw new CalibrationError(`${labels.length} labels for ${samples} samples`);
  for (let n = 0; n < labels.length; n++) {
    const label = labels[n]!;
    if (!Number.isInteger(label) || label < 0 || label >= classes)
      throw new CalibrationError(`label ${n} is ${label}; whole numbers from 0 to ${classes - 1} are expected`);
  }
}

/**
 * Runs float model and circuit side by side. `labels`: per sample, the right place in the first output, or null. Throws `CalibrationError` where samples or labels do not
 * fit.
 * @example const { accuracy } = await evaluate(compiled, model, samples, labels, openModel);
 */
export async function evaluate(
  { circuit, weights }: { readonly circuit: Circuit; readonly weights: readonly Int8Array[] },
  model: Uint8Array,
  samples: readonly Sample[],
  labels: ArrayLike<number> | null,
  openModel: OpenModel,
  { normalization, integerRunner, onProgress = () => undefined }: EvaluationOptions = {},
): Promise<Evaluation> {
  const { inputs, outputs } = circuit.meaning;
  const output = outputs[0]!;
  if (!samples.length) throw new CalibrationError('there are no samples to compare on');
  if (labels)
    checkLabels(
      labels,
      samples.length,
      output.dims.reduce((a, b) => a * b, 1),
    );
  const plain: IntegerRunner = async (bytes) => {
    const tensors = runFast(circuit, weights, bytes);
    return circuit.outputs.map((tensor) => tensors[tensor]!);
  };
  const runCircuit = integerRunner ?? plain;
  const session = await openModel(model, [output.name]);
  let cosine = 0;
  let equal = 0;
  let rightFloat = 0;
  let rightInteger = 0;
  try {
    for (const [n, sample] of samples.entries()) {
      if (sample.length !== inputs.length)
        throw new CalibrationError(`sample ${n} has ${sample.length} tensors, the circuit ${inputs.length} inputs`);
      const read = normalizedSample(sample, inputs, normalization ?? null);
      const run = await session.run(Object.fromEntries(inputs.map(({ name, dims }, k) => [name, { dims, data: read[k]! }])));
      const float = Float32Array.from(run[output.name]!.data);
      const bytes = sample.map((values, k) => quantizeInput(circuit, k, values));
      const integer = realOutputs(circuit, await runCircuit(bytes))[0]!;
      cosine += cosineOf(float, integer);
      const [a, b] = [largest(float), largest(integer)];
      if (a === b) equal += 1;
      if (a === labels?.[n]) rightFloat += 1;
      if (b === labels?.[n]) rightInteger += 1;
      onProgress(n + 1);
    }
  } finally {
    await session.close();
  }
  const count = samples.length;
  return {
    count,
    cosine: cosine / count,
    agreement: equal / count,
    accuracy: labels ? { float: rightFloat / count, integer: rightInteger / count } : null,
  };
}
