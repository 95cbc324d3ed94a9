/**
 * Where everything lies (README section 4): the lookup tables with their tags, the witness vector, the leaves of the lookup tree, the
 * committed weights. Derived from the circuit alone.
 */
import { convolutions, shapeOf, type Circuit, type Requantize, type Shape } from '../../circuits/graph/circuit.ts';
import { LIMB_BITS, MAX_LEAVES, MAX_VECTOR_LENGTH } from '../parameters.ts';
import type { K } from './field.ts';
import { bits, eqTable } from './multilinear.ts';
import { refuseUnless } from './refused.ts';

/** A tensor-shaped piece of a vector: C planes of 2^rowBits x 2^columnBits entries from `offset` on, a multiple of the plane size. */
export interface Slot {
  readonly shape: Shape;
  readonly rowBits: number;
  readonly columnBits: number;
  readonly offset: number;
}

/** Rows (first, second) of a lookup table, and its tag. */
export interface LookupTable {
  readonly tag: number;
  readonly first: ArrayLike<number>;
  readonly second: ArrayLike<number>;
}

export interface Layout {
  /** Numbers of the inputs and outputs of the circuit. */
  readonly publicTensors: ReadonlySet<number>;
  readonly tables: readonly LookupTable[];
  /** Index into `tables` of the remainder table of that many bits, of the maximum table (or null), and of a table of the circuit. */
  readonly remainderTables: ReadonlyMap<number, number>;
  readonly maximumTable: number | null;
  readonly circuitTables: ReadonlyMap<number, number>;
  readonly witness: {
    readonly length: number;
    /** By tensor number: the committed ones. */
    readonly activations: ReadonlyMap<number, Slot>;
    /** By layer index: of each requantize layer. */
    readonly limbs: ReadonlyMap<number, readonly Slot[]>;
    /** By index into `tables`. */
    readonly multiplicities: readonly Slot[];
  };
  readonly leaves: {
    readonly length: number;
    /** Valid leaves: lookups and table rows. */
    readonly valid: number;
    /** By layer index: the slot of a maximum layer, the quotient slot of a requantize layer. */
    readonly results: ReadonlyMap<number, Slot>;
    readonly limbs: ReadonlyMap<number, readonly Slot[]>;
    readonly rows: readonly Slot[];
  };
}

export function elements(shape: Shape): number {
  return shape[0] * shape[1] * shape[2];
}

export function planeSize(slot: Slot): number {
  return 2 ** (slot.rowBits + slot.columnBits);
}

/** Index of entry (c, i, j) of a slot in its vector. */
export function indexIn(slot: Slot, c: number, i: number, j: number): number {
  return slot.offset + c * planeSize(slot) + i * 2 ** slot.columnBits + j;
}

/** eq(z, .) on a slot, split into one vector per axis, each of the axis' real length. */
export function eqAxes(slot: Slot, z: readonly K[]): { channel: K[]; row: K[]; column: K[] } {
  const planeBits = slot.rowBits + slot.columnBits;
  return {
    channel: eqTable(z.slice(planeBits), slot.offset / 2 ** planeBits, slot.shape[0]),
    row: eqTable(z.slice(slot.columnBits, planeBits), 0, slot.shape[1]),
    column: eqTable(z.slice(0, slot.columnBits), 0, slot.shape[2]),
  };
}

/** Places slots of these shapes by plane size, largest first, then as listed. The slots come back as listed. */
export function placeSlots(shapes: readonly Shape[]): { slots: Slot[]; length: number } {
  const unplaced = shapes.map((shape) => ({ shape, rowBits: bits(shape[1]), columnBits: bits(shape[2]), offset: 0 }));
  let length = 0;
  for (const slot of [...unplaced].sort((x, y) => planeSize(y) - planeSize(x))) {
    slot.offset = length;
    length += slot.shape[0] * planeSize(slot);
  }
  return { slots: unplaced, length };
}

/** Limbs of the remainders of a layer: 0, 1 or 2. */
export function limbCount(layer: Requantize): number {
  const largest = layer.shift.reduce((x, y) => Math.max(x, y), 0);
  return largest === 0 ? 0 : largest <= LIMB_BITS ? 1 : 2;
}

/** Bits of a limb of the remainder of a channel with that shift. */
export function limbBits(shift: number, limb: number): number {
  return limb === 0 ? Math.min(shift, LIMB_BITS) : Math.max(shift - LIMB_BITS, 0);
}

/** Limb `limb` of the remainder r of a layer with so many limbs. */
export function limbOf(r: number, limb: number, limbs: number): number {
  if (limbs === 1) return r;
  const high = Math.floor(r / 2 ** LIMB_BITS);
  return limb === 0 ? r - high * 2 ** LIMB_BITS : high;
}

function lookupTables(circuit: Circuit): Pick<Layout, 'tables' | 'remainderTables' | 'maximumTable' | 'circuitTables'> {
  const tables: LookupTable[] = [];
  const append = (first: ArrayLike<number>, second: ArrayLike<number>): number =>
    tables.push({ tag: tables.length + 1, first, second }) - 1;
  const requantize = circuit.layers.filter((layer) => layer.kind === 'requantize');

  const widths = new Set<number>();
  for (const layer of requantize) {
    for (let limb = 0; limb < limbCount(layer); limb++) for (const s of layer.shift) widths.add(limbBits(s, limb));
  }
  const remainderTables = new Map<number, number>();
  for (const width of [...widths].sort((a, b) => a - b)) {
    const rows = 2 ** width;
    remainderTables.set(
      width,
      append(
        Int32Array.from({ length: rows }, (_, r) => r),
        new Uint8Array(rows),
      ),
    );
  }
  let maximumTable: number | null = null;
  if (circuit.layers.some((layer) => layer.kind === 'maximum')) {
    const differences = Int32Array.from({ length: 511 }, (_, n) => n - 255);
    maximumTable = append(
      differences,
      differences.map((d) => Math.max(d, 0)),
    );
  }
  const circuitTables = new Map<number, number>();
  circuit.tables.forEach((table, n) => {
    if (!requantize.some((layer) => layer.table === n)) return;
    circuitTables.set(
      n,
      append(
        Int32Array.from(table.values, (_, row) => table.first + row),
        table.values,
      ),
    );
  });
  return { tables, remainderTables, maximumTable, circuitTables };
}

/** Derives the layout of a checked circuit. Refuses one that is too large, or has nothing to look up. */
export function deriveLayout(circuit: Circuit): Layout {
  const publicTensors = new Set(circuit.outputs);
  circuit.inputs.forEach((_, tensor) => publicTensors.add(tensor));
  const named = lookupTables(circuit);

  // What is listed, in the order of listing; `place` says what to do with the slot once it has its offset.
  type Listed = { shape: Shape; place: (slot: Slot) => void };
  const committed: Listed[] = [];
  const leaves: Listed[] = [];
  const activations = new Map<number, Slot>();
  const witnessLimbs = new Map<number, Slot[]>();
  const results = new Map<number, Slot>();
  const leafLimbs = new Map<number, Slot[]>();
  const multiplicities: Slot[] = [];
  const rows: Slot[] = [];

  circuit.layers.forEach((layer, layerIndex) => {
    if (layer.kind === 'accumulate') return;
    const { shape } = layer;
    const tensor = circuit.inputs.length + layerIndex;
    if (!publicTensors.has(tensor)) committed.push({ shape, place: (slot) => activations.set(tensor, slot) });
    if (layer.kind === 'requantize') {
      const ofWitness: Slot[] = [];
      const ofLeaves: Slot[] = [];
      witnessLimbs.set(layerIndex, ofWitness);
      leafLimbs.set(layerIndex, ofLeaves);
      for (let limb = 0; limb < limbCount(layer); limb++) {
        committed.push({ shape, place: (slot) => (ofWitness[limb] = slot) });
        leaves.push({ shape, place: (slot) => (ofLeaves[limb] = slot) });
      }
    }
    leaves.push({ shape, place: (slot) => results.set(layerIndex, slot) });
  });
  named.tables.forEach((table, n) => {
    const shape: Shape = [table.first.length, 1, 1];
    committed.push({ shape, place: (slot) => (multiplicities[n] = slot) });
    leaves.push({ shape, place: (slot) => (rows[n] = slot) });
  });

  const placeAll = (listed: readonly Listed[]): number => {
    const { slots, length } = placeSlots(listed.map(({ shape }) => shape));
    listed.forEach(({ place }, n) => place(slots[n]!));
    return length;
  };
  const witnessLength = placeAll(committed);
  const leavesLength = placeAll(leaves);
  const valid = leaves.reduce((total, { shape }) => total + elements(shape), 0);
  refuseUnless(results.size > 0, 'circuit', 'no requantize or maximum layer: there is nothing to look up');
  refuseUnless(valid <= MAX_LEAVES, 'circuit', `${valid} lookups and table rows, at most ${MAX_LEAVES} can be proven`);
  refuseUnless(
    witnessLength <= MAX_VECTOR_LENGTH,
    'circuit',
    `a witness of ${witnessLength} values, at most ${MAX_VECTOR_LENGTH} can be committed`,
  );
  return {
    publicTensors,
    ...named,
    witness: { length: witnessLength, activations, limbs: witnessLimbs, multiplicities },
    leaves: { length: leavesLength, valid, results, limbs: leafLimbs, rows },
  };
}

/** The vector W of committed weights: one slot per convolution, planes (c_out, u, v), columns the channels of a group. */
export function weightLayout(circuit: Circuit): { slots: readonly Slot[]; length: number } {
  const placed = placeSlots(
    convolutions(circuit).map(({ layer, term }): Shape => {
      const [rowTaps, columnTaps] = term.kernel;
      return [layer.shape[0] * rowTaps * columnTaps, 1, term.operand.shape[0] / term.groups];
    }),
  );
  refuseUnless(placed.length <= MAX_VECTOR_LENGTH, 'circuit', `${placed.length} committed weights, at most ${MAX_VECTOR_LENGTH}`);
  return placed;
}

/** Shape of a public tensor and whether it is an int32 accumulator. */
export function publicKind(circuit: Circuit, tensor: number): { shape: Shape; isAccumulator: boolean } {
  const maker = tensor < circuit.inputs.length ? null : circuit.layers[tensor - circuit.inputs.length]!;
  return { shape: shapeOf(circuit, tensor), isAccumulator: maker?.kind === 'accumulate' };
}
