/**
 * Proofs for nobody. An engine compiles the kernels and this room's functions in steps, and the best step only after some tens of proofs of a small circuit; whoever wants the first proof that is asked for
 * to be as quick as later ones has some made before. Nothing of them is kept but the engine's code: no proof depends on what was proven before.
 */
import { size, type Circuit } from '../../circuits/graph/circuit.ts';
import { uniformGenerator } from '../../circuits/quantize/seeded.ts';
import type { LocalProver } from '../prove.ts';

/** A proof made for no other purpose says so: no verifier takes it for one of a job. */
const CONTEXT = new TextEncoder().encode('veritab warm-up');

/** Thrown through a proof to end it. */
class TimeIsOver extends Error {}

/**
 * Makes one proof of seeded inputs, and throws it away; gives it up where a phase would begin after `milliseconds`. Returns whether it was completed. The arena is left as it was.
 */
export function warmUpProof(prover: LocalProver, circuit: Circuit, seed: number, milliseconds: number): boolean {
  const uniform = uniformGenerator(seed);
  const inputs = circuit.inputs.map(({ shape }) => Uint8Array.from({ length: size(shape) }, () => 256 * uniform()));
  const end = performance.now() + milliseconds;
  const onProgress = (): void => {
    if (performance.now() > end) throw new TimeIsOver();
  };
  try {
    prover.prove(inputs, CONTEXT, { onProgress });
    return true;
  } catch (error) {
    if (error instanceof TimeIsOver) return false;
    throw error;
  }
}
