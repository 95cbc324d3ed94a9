/** The one check of circuits that everybody shares, its refusal in the words of a verdict. */
import { checkCircuit } from '../../circuits/bounds/index.ts';
import type { Circuit, Weights } from '../../circuits/graph/circuit.ts';
import { CircuitRefusal } from '../../circuits/graph/refusal.ts';
import { Refused } from './refused.ts';

/**
 * Shapes, order, views, tables, and rules (i) to (iii) in exact integers.
 *
 * @param weights null where they are committed
 * @throws Refused
 */
export function refuseBadCircuit(circuit: Circuit, weights: Weights | null): void {
  try {
    checkCircuit(circuit, weights);
  } catch (reason) {
    if (reason instanceof CircuitRefusal) throw new Refused('circuit', reason.message);
    throw reason;
  }
}
