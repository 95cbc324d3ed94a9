/**
 * What a proof is about: the circuit, its inputs, its outputs, and a context that binds the proof to who made it for whom. Source: README.md, section 5, steps 1 to 4; proof-system
 * design, section 3.
 */
import { shapeOf, size, type Circuit } from '../../circuits/graph/circuit.ts';
import type { Scene, PublicTensor } from '../claims/forms.ts';
import type { LookupChallenges } from '../lookup/claims.ts';
import { LOOKUP_GRINDING_BITS, LOOKUP_GRINDING_LEAVES, PARAMETER_SET, VERSION } from '../parameters.ts';
import type { Kernels } from '../runtime/kernels.ts';
import type { K } from '../field/qm31.ts';
import type { Layout } from './layout.ts';
import { Refused } from './refused.ts';

/** Bytes of a uint8 output, or the int32 values of an accumulator. */
export type Output = Uint8Array | Int32Array;

export interface Statement {
  /** One per input of the circuit, C-order. */
  readonly inputs: readonly Uint8Array[];
  /** One per output of the circuit, C-order. */
  readonly outputs: readonly Output[];
  readonly context: Uint8Array;
}

/** Exclusive bound of the absolute value of an int32 output. */
const ACCUMULATOR_BOUND = 2 ** 30;

/** Statements come from strangers, whatever their type says. */
const isArray = (value: unknown): boolean => Array.isArray(value);

/** Throws `Refused` unless the inputs have the circuit's shapes. */
export function checkInputs(circuit: Circuit, inputs: readonly Uint8Array[]): void {
  if (!isArray(inputs)) throw new Refused('input', 'expected an array of input tensors');
  if (inputs.length !== circuit.inputs.length)
    throw new Refused('input', `expected ${circuit.inputs.length} input tensors, got ${inputs.length}`);
  circuit.inputs.forEach((tensor, k) => {
    const value: unknown = inputs[k];
    const expected = size(tensor.shape);
    if (!(value instanceof Uint8Array)) throw new Refused('input', `input ${k}: expected bytes`);
    if (value.length !== expected)
      throw new Refused('input', `input ${k}: expected ${expected} bytes (${tensor.shape.join(' x ')}), got ${value.length}`);
  });
}

/**
 * Throws `Refused` unless inputs and outputs have the circuit's shapes and every int32 output lies strictly between -2^30 and 2^30 (else a logit plus p would pass).
 */
export function checkStatement(circuit: Circuit, statement: Statement): void {
  if (typeof statement !== 'object' || (statement as unknown) === null)
    throw new Refused('statement', 'expected inputs, outputs and a context');
  checkInputs(circuit, statement.inputs);
  const { outputs } = statement;
  if (!isArray(outputs)) throw new Refused('output', 'expected an array of output tensors');
  if (!(statement.context instanceof Uint8Array)) throw new Refused('context', 'expected bytes');
  if (outputs.length !== circuit.outputs.length)
    throw new Refused('output', `expected ${circuit.outputs.length} output tensors, got ${outputs.length}`);
  circuit.outputs.forEach((tensor, k) => {
    const value: unknown = outputs[k];
    const layer = circuit.layers[tensor - circuit.inputs.length]!;
    const expected = size(shapeOf(circuit, tensor));
    if (layer.kind === 'accumulate') {
      if (!(value instanceof Int32Array)) throw new Refused('output', `output ${k}: expected int32 values`);
      if (value.some((v) => v <= -ACCUMULATOR_BOUND || v >= ACCUMULATOR_BOUND))
        throw new Refused('output', `output ${k}: a value is not between -2^30 and 2^30`);
    } else if (!(value instanceof Uint8Array)) throw new Refused('output', `output ${k}: expected bytes`);
    if (value.length !== expected) throw new Refused('output', `output ${k}: expected ${expected} values, got ${value.length}`);
  });
}

interface Absorbing {
  absorb(label: string, data: Uint8Array): void;
  challenge(label: string): K;
  challenges(label: string, count: number): K[];
  grind(label: string, bits: number): void;
}

/** Little-endian bytes of int32 values; the page and Node run on little-endian machines only, which WebAssembly fixes for its memory anyway. */
function bytesOf(output: Output): Uint8Array {
  if (output instanceof Uint8Array) return output;
  const bytes = new Uint8Array(4 * output.length);
  const view = new DataView(bytes.buffer);
  output.forEach((v, k) => {
    view.setInt32(4 * k, v, true);
  });
  return bytes;
}

/** Step 1 of the transcript. */
export function absorbStatement(transcript: Absorbing, circuit: Circuit, digest: Uint8Array, statement: Statement): void {
  transcript.absorb('version', Uint8Array.of(VERSION));
  transcript.absorb('parameters', Uint8Array.of(PARAMETER_SET));
  transcript.absorb('flags', Uint8Array.of(0, circuit.weightRoot ? 1 : 0));
  transcript.absorb('circuit', digest);
  for (const input of statement.inputs) transcript.absorb('input', input);
  for (const output of statement.outputs) transcript.absorb('output', bytesOf(output));
  transcript.absorb('context', statement.context);
}

/** Steps 3 and 4: after the witness root. */
export function lookupChallenges(transcript: Absorbing, layout: Layout): LookupChallenges {
  if (layout.validLeaves > LOOKUP_GRINDING_LEAVES) transcript.grind('lookup nonce', LOOKUP_GRINDING_BITS);
  const alpha = transcript.challenge('alpha');
  const [gamma1, gamma2] = transcript.challenges('gamma', 2) as [K, K];
  return { alpha, gamma1, gamma2 };
}

/** The public tensors in the kernels' memory, for functionals to be evaluated on. */
export function placeStatement(kernels: Kernels, layout: Layout, statement: Statement): Scene {
  const publicValues = new Map<number, PublicTensor>();
  const place = (tensor: number, values: Output): void => {
    const bytes = bytesOf(values);
    const address = kernels.arena.allocate(bytes.length + 16);
    kernels.bytes.set(bytes, address);
    publicValues.set(tensor, { address, bytes: values instanceof Uint8Array });
  };
  statement.inputs.forEach((values, k) => {
    place(k, values);
  });
  layout.circuit.outputs.forEach((tensor, k) => {
    place(tensor, statement.outputs[k]!);
  });
  return { kernels, layout, publicValues };
}
