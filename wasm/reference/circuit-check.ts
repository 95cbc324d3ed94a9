/** The check of circuits that everybody shares, its refusal in the words of a verdict; then the rules once more, computed by the reference itself. */
import { acceptCircuit } from '../../circuits/bounds/accept.ts';
import type { Circuit, Weights } from '../../circuits/graph/circuit.ts';
import { CircuitRefusal } from '../../circuits/graph/refusal.ts';
import { Refused } from './refused.ts';
import { refuseBrokenRules } from './rules.ts';

/**
 * Shapes, order, views, tables, and rules (i) to (iii) in exact integers.
 *
 * @param weights null where they are committed
 * @returns what the digest names: the circuit that the given one's encoding decodes to
 * @throws Refused
 */
export function acceptedCircuit(circuit: Circuit, weights: Weights | null): Circuit {
  let accepted;
  try {
    accepted = acceptCircuit(circuit, weights);
  } catch (reason) {
    if (reason instanceof CircuitRefusal) throw new Refused('circuit', reason.message);
    throw reason;
  }
  refuseBrokenRules(accepted, weights);
  return accepted;
}
