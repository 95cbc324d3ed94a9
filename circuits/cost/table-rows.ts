/** Rows of the lookup tables that layers need, counted as layers are added: tables are shared. Source: wasm/README.md, section 4. */
import type { Layer, Requantize, Table } from '../graph/circuit.ts';

/** A remainder is looked up in limbs of at most so many bits. */
const LIMB_BITS = 12;

/** One row per difference of two bytes. */
const MAXIMUM_ROWS = 511;

/** Limbs of the remainders of a layer: none where every shift is 0. */
export function limbCount(layer: Requantize): number {
  return Math.ceil(layer.shift.reduce((a, b) => Math.max(a, b), 0) / LIMB_BITS);
}

export class TableRowCount {
  /** Rows so far. */
  rows = 0;
  private readonly tables: readonly Table[];
  private readonly present = new Set<string>();

  /** `tables`: those of the circuit. */
  constructor(tables: readonly Table[]) {
    this.tables = tables;
  }

  private need(name: string, rows: number): void {
    if (this.present.has(name)) return;
    this.present.add(name);
    this.rows += rows;
  }

  /** Adds the tables of a layer, as far as they are not there yet. */
  add(layer: Layer): void {
    if (layer.kind === 'maximum') this.need('maximum', MAXIMUM_ROWS);
    if (layer.kind !== 'requantize') return;
    this.need(`table ${layer.table}`, this.tables[layer.table]!.values.length);
    const limbs = limbCount(layer);
    for (const shift of layer.shift) {
      for (let limb = 0; limb < limbs; limb++) {
        const bits = Math.min(LIMB_BITS, Math.max(0, shift - LIMB_BITS * limb));
        this.need(`remainder ${bits}`, 2 ** bits);
      }
    }
  }
}
