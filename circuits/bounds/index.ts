/**
 * May this circuit be proven? The compiler, the prover, both verifiers and the coordinator call this one function; soundness depends on it. Source: the integer model, "Bounds"; the proof system, section 3.
 */
import { roundingOffset, type Circuit, type Requantize, type Weights } from '../graph/circuit.ts';
import type { Hash } from '../graph/encoding.ts';
import { checkLengths } from '../graph/lengths.ts';
import { CircuitRefusal } from '../graph/refusal.ts';
import { accumulatorBounds } from './intervals.ts';
import { checkStructure } from './structure.ts';

export { accumulatorBounds, ceilSquareRoot, quotientBounds, type Intervals } from './intervals.ts';
export { MAX_ALL_ROWS, MAX_SHIFT, MAX_TABLE_ROWS } from './structure.ts';
export * from './work.ts';
export { widenTables } from './widen.ts';

const P = 2 ** 31 - 1;
const ACCUMULATOR_BOUND = 2 ** 30;

/** Rules (i) and (ii) for a channel whose `acc + h` lies in lo .. hi. All rows of the table count, whoever shares it. */
function checkQuotients(circuit: Circuit, layer: Requantize, c: number, lo: number, hi: number): void {
  const table = circuit.tables[layer.table]!;
  const unit = 2 ** layer.shift[c]!;
  const rows = table.values.length;
  if (unit * rows > P)
    throw new CircuitRefusal(layer.name, 'rule (i)', `channel ${c}: 2^${layer.shift[c]} times ${rows} table rows exceed p`);
  const last = table.first + rows - 1;
  if (lo < unit * table.first || hi >= unit * (last + 1)) {
    throw new CircuitRefusal(
      layer.name,
      'rule (ii)',
      `channel ${c}: quotients of ${lo}..${hi} by 2^${layer.shift[c]} are not all in the table's ${table.first}..${last}`,
    );
  }
}

/**
 * Throws `CircuitRefusal` (name of layer, rule) unless the circuit may be proven. `weights`: all public weights in circuit order; null where they are committed. `hash`: BLAKE3 in derive-key mode, @noble/hashes' by
 * default.
 */
export function checkCircuit(circuit: Circuit, weights: Weights | null, hash?: Hash): void {
  checkStructure(circuit, weights, hash);
  let next = 0;
  for (const layer of circuit.layers) {
    if (layer.kind === 'maximum') continue;
    const count = layer.terms.filter((term) => term.kind === 'convolution').length;
    const own = Array.from({ length: count }, (_, k) => weights?.[next + k] ?? null);
    next += count;
    const { lo, hi } = accumulatorBounds(circuit, layer, own);
    for (let c = 0; c < layer.shape[0]; c++) {
      const h = layer.kind === 'requantize' ? roundingOffset(layer.shift[c]!) : 0;
      if (lo[c]! + Math.min(0, h) <= -ACCUMULATOR_BOUND || hi[c]! + h >= ACCUMULATOR_BOUND) {
        throw new CircuitRefusal(
          layer.name,
          'rule (iii)',
          `channel ${c}: the accumulator can reach ${lo[c]}..${hi[c]! + h}, it must stay within 2^30`,
        );
      }
      if (layer.kind === 'requantize') checkQuotients(circuit, layer, c, lo[c]! + h, hi[c]! + h);
    }
  }
  checkLengths(circuit);
}
