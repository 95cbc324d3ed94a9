/** The circuit's tables: one per function, over the union of the intervals of the layers that share it. Source: the integer model, "Bounds". */
import { MAX_TABLE_ROWS } from '../bounds/index.ts';
import type { Table } from '../graph/circuit.ts';
import type { ByteFunction } from './activation.ts';

const P = 2 ** 31 - 1;

interface Use {
  readonly table: ByteFunction;
  first: number;
  last: number;
  largestShift: number;
}

/** Collects the quotients that layers can have. */
export class Tables {
  private readonly uses: Use[] = [];

  /** The number of the table for a layer with quotients first .. last. A table that would get too long, or break rule (i), gets a twin. */
  add(table: ByteFunction, first: number, last: number, largestShift: number): number {
    for (const [number, use] of this.uses.entries()) {
      if (use.table.key !== table.key) continue;
      const joint = {
        first: Math.min(first, use.first),
        last: Math.max(last, use.last),
        largestShift: Math.max(largestShift, use.largestShift),
      };
      const rows = joint.last - joint.first + 1;
      if (rows > MAX_TABLE_ROWS || rows * 2 ** joint.largestShift > P) continue;
      Object.assign(use, joint);
      return number;
    }
    return this.uses.push({ table, first, last, largestShift }) - 1;
  }

  finish(): Table[] {
    return this.uses.map(({ table, first, last }) => ({
      first,
      values: Uint8Array.from({ length: last - first + 1 }, (_, n) => table.at(first + n)),
    }));
  }
}
