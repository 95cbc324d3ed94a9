/** What a proof is about, checked before anything else, and absorbed first (README section 5, step 1). */
import type { Circuit } from '../../circuits/graph/circuit.ts';
import { PARAMETER_SET, VERSION } from '../parameters.ts';
import type { Known } from './functional.ts';
import { elements, publicKind, type Layout } from './layout.ts';
import { refuseUnless } from './refused.ts';
import type { Transcript } from './transcript.ts';

export interface ReferenceStatement {
  /** Bytes of each input tensor, C-order. */
  readonly inputs: readonly Uint8Array[];
  /** Each output, in order: bytes of a uint8 tensor, or int32 accumulators. */
  readonly outputs: readonly (Uint8Array | Int32Array)[];
  /** Binds a proof to who made it for whom. */
  readonly context: Uint8Array;
}

/** Accumulators lie strictly between -2^30 and 2^30: the field cannot tell x from x + p, this range can. */
const ACCUMULATOR_BOUND = 2 ** 30;

/** Refuses values of the wrong type, length or range; returns the public tensors' values. */
export function checkStatement(circuit: Circuit, layout: Layout, statement: ReferenceStatement | null): Known {
  refuseUnless(typeof statement === 'object' && statement !== null, 'statement', 'no statement');
  const { inputs, outputs, context } = statement;
  refuseUnless(context instanceof Uint8Array, 'statement', 'the context is not a Uint8Array');
  refuseUnless(Array.isArray(inputs) && Array.isArray(outputs), 'statement', 'inputs and outputs must be arrays');
  refuseUnless(inputs.length === circuit.inputs.length, 'statement', `${inputs.length} inputs, expected ${circuit.inputs.length}`);
  refuseUnless(outputs.length === circuit.outputs.length, 'statement', `${outputs.length} outputs, expected ${circuit.outputs.length}`);

  const values = new Map<number, ArrayLike<number>>();
  const accept = (what: string, tensor: number, given: unknown): void => {
    const { shape, isAccumulator } = publicKind(circuit, tensor);
    const wanted = isAccumulator ? Int32Array : Uint8Array;
    refuseUnless(given instanceof wanted, 'statement', `${what} is not a ${wanted.name}`);
    refuseUnless(given.length === elements(shape), 'statement', `${what} has ${given.length} values, expected ${elements(shape)}`);
    if (isAccumulator) {
      const bad = (given as Int32Array).find((x) => x <= -ACCUMULATOR_BOUND || x >= ACCUMULATOR_BOUND);
      refuseUnless(bad === undefined, 'statement', `${what} has the value ${bad ?? ''}, not strictly between -2^30 and 2^30`);
    }
    values.set(tensor, given);
  };
  inputs.forEach((given, n) => accept(`input ${n}`, n, given));
  outputs.forEach((given, n) => accept(`output ${n}`, circuit.outputs[n]!, given));
  return { circuit, layout, values };
}

/** Bytes of a public tensor: u8 as they are, int32 little endian. */
export function publicBytes(values: Uint8Array | Int32Array): Uint8Array {
  if (values instanceof Uint8Array) return values;
  const view = new DataView(new ArrayBuffer(4 * values.length));
  values.forEach((x, i) => view.setInt32(4 * i, x, true));
  return new Uint8Array(view.buffer);
}

export function absorbStatement(transcript: Transcript, circuit: Circuit, digest: Uint8Array, statement: ReferenceStatement): void {
  transcript.absorb('version', Uint8Array.of(VERSION));
  transcript.absorb('parameters', Uint8Array.of(PARAMETER_SET));
  transcript.absorb('flags', Uint8Array.of(0, circuit.weightRoot === null ? 0 : 1));
  transcript.absorb('circuit', digest);
  for (const input of statement.inputs) transcript.absorb('input', input);
  for (const output of statement.outputs) transcript.absorb('output', publicBytes(output));
  transcript.absorb('context', statement.context);
}
