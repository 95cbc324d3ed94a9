/**
 * Tables for wider bounds. A table that holds every quotient of given weights may be too short for what is known of the same weights once they are committed, which is only their sums of squares. Source:
 * the integer model, "Bounds"; the proof system, section 10.
 */
import type { Circuit, Table, Weights } from '../graph/circuit.ts';
import { CircuitRefusal } from '../graph/refusal.ts';
import { accumulatorBounds, quotientBounds } from './intervals.ts';
import { MAX_TABLE_ROWS } from './structure.ts';

/**
 * The circuit with every table extended so that rule (ii) holds for all layers that share it. The first and the last value are repeated. No execution can tell: the rows are added for quotients that the weights
 * cannot give, but that their bounds do not exclude.
 *
 * Throws `CircuitRefusal` where a table would get too long: the layer's output scale must then be raised, which only the quantizer can do. Whether the longer tables break rule (i), `checkCircuit`
 * says.
 *
 * @param weights by convolution, circuit order; null where they are committed
 */
export function widenTables(circuit: Circuit, weights: Weights | null): Circuit {
  const first = circuit.tables.map((table) => table.first);
  const last = circuit.tables.map((table) => table.first + table.values.length - 1);
  let next = 0;
  for (const layer of circuit.layers) {
    if (layer.kind === 'maximum') continue;
    const own = layer.terms.flatMap((term) => (term.kind === 'convolution' ? [weights?.[next++] ?? null] : []));
    if (layer.kind !== 'requantize') continue;
    const { lo, hi } = quotientBounds(layer, accumulatorBounds(circuit, layer, own));
    first[layer.table] = lo.reduce((a, b) => Math.min(a, b), first[layer.table]!);
    last[layer.table] = hi.reduce((a, b) => Math.max(a, b), last[layer.table]!);
    const rows = last[layer.table]! - first[layer.table]! + 1;
    if (rows > MAX_TABLE_ROWS)
      throw new CircuitRefusal(
        layer.name,
        'table',
        `${rows} rows are needed, at most 2^18 are allowed: raise the scale of the layer's output`,
      );
  }
  return { ...circuit, tables: circuit.tables.map((table, k) => widened(table, first[k]!, last[k]!)) };
}

function widened(table: Table, first: number, last: number): Table {
  const end = table.values.length - 1;
  const values = Uint8Array.from(
    { length: last - first + 1 },
    (_, n) => table.values[Math.min(Math.max(first + n - table.first, 0), end)]!,
  );
  return { first, values };
}
