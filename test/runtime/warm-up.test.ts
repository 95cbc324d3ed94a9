import { expect, it } from 'vitest';
import type { LocalProver, ProveOptions } from '../../wasm/prove.ts';
import { warmUpProof } from '../../wasm/runtime/warm-up.ts';
import { featureNet } from '../support/circuits.ts';

const { circuit } = featureNet();

/** A prover that goes through three phases, and what it was asked. */
function recorder(during: () => void = () => undefined) {
  const asked: { inputs: readonly Uint8Array[]; context: string; phases: number }[] = [];
  const prove = (inputs: readonly Uint8Array[], context: Uint8Array, { onProgress }: ProveOptions = {}): never => {
    const call = { inputs, context: new TextDecoder().decode(context), phases: 0 };
    asked.push(call);
    for (const phase of ['forward', 'commit', 'lookups'] as const) {
      onProgress?.(phase);
      call.phases += 1;
      during();
    }
    return undefined as never;
  };
  return { asked, prover: { prove } as unknown as LocalProver };
}

it('proves inputs of the circuit that follow from the seed, in a context of their own', () => {
  const { asked, prover } = recorder();
  for (const seed of [1, 1, 2]) expect(warmUpProof(prover, circuit, seed, 3_600_000)).toBe(true);
  expect(asked[0]!.inputs.map((values) => values.length)).toEqual(circuit.inputs.map(({ shape: [c, h, w] }) => c * h * w));
  expect(asked[1]!.inputs).toEqual(asked[0]!.inputs);
  expect(asked[2]!.inputs).not.toEqual(asked[0]!.inputs);
  expect(asked[0]!.context).toBe('veritab warm-up');
});

it('gives a proof up at the first phase that begins too late', () => {
  const { asked, prover } = recorder();
  expect(warmUpProof(prover, circuit, 1, -1)).toBe(false);
  expect(asked[0]!.phases).toBe(0);
});

it('does not hide a failure', () => {
  const { prover } = recorder(() => {
    throw new RangeError('it went wrong');
  });
  expect(() => warmUpProof(prover, circuit, 1, 3_600_000)).toThrow('it went wrong');
});
