/** The check that a verifier makes of a circuit, once. Source: the proof system, section 3, "Circuit check". */
import type { Circuit, Weights } from '../graph/circuit.ts';
import { decodeCircuit, encodeCircuit } from '../graph/encoding.ts';
import { CircuitRefusal } from '../graph/refusal.ts';
import { checkCircuit } from './index.ts';

/**
 * Checks a circuit as `checkCircuit` does, and returns what its digest names: the circuit that its encoding decodes to. Whoever goes on with that one has checked and uses no more than what is hashed,
 * and nobody can change it under way.
 *
 * Throws `CircuitRefusal` (name of layer, rule), also where the circuit has no canonical encoding.
 */
export function acceptCircuit(given: Circuit, weights: Weights | null): Circuit {
  const own = encoded(given, weights);
  checkCircuit(own, weights);
  return own;
}

function encoded(given: Circuit, weights: Weights | null): Circuit {
  try {
    return decodeCircuit(encodeCircuit(given));
  } catch (error) {
    // what breaks a rule often has no encoding either; the rules name the layer
    if (error instanceof CircuitRefusal) checkCircuit(given, weights);
    throw error;
  }
}
