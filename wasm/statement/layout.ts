/**
 * Where everything lies: the witness vector, the leaves of the lookup tree, the committed weights. Derived from the circuit alone, by prover and
 * verifier alike. Source: README.md, section 4.
 */
import { convolutions, shapeOf, type Circuit, type ConvolutionSite, type Requantize, type Shape } from '../../circuits/graph/circuit.ts';
import { bits } from '../field/qm31.ts';
import { LIMB_BITS, openingLevels } from '../parameters.ts';

/** A tensor-shaped piece of a vector: C planes of 2^rowBits x 2^columnBits entries from `offset` on, of which H x W are valid. */
export interface Slot {
  readonly offset: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly rowBits: number;
  readonly columnBits: number;
}

/** Bits of an index inside one plane of a slot. */
export function planeBits(slot: Slot): number {
  return slot.rowBits + slot.columnBits;
}

export type TableKind =
  | { readonly kind: 'remainder'; readonly bits: number }
  | { readonly kind: 'maximum' }
  | { readonly kind: 'quotient'; readonly table: number };

/** A lookup table: its rows (first, second), its tag, where its multiplicities and its leaves are. */
export interface LookupTable {
  readonly source: TableKind;
  readonly tag: number;
  readonly first: Int32Array;
  readonly second: Int32Array;
  readonly multiplicities: Slot;
  readonly leaves: Slot;
}

export interface RequantizeSlots {
  readonly kind: 'requantize';
  /** Limbs of the remainder in the witness, and in the leaves. */
  readonly limbs: readonly Slot[];
  readonly limbLeaves: readonly Slot[];
  readonly quotientLeaves: Slot;
  /** Tag of each channel's remainder table, per limb. */
  readonly limbTags: readonly Int32Array[];
  readonly quotientTag: number;
}

export interface MaximumSlots {
  readonly kind: 'maximum';
  readonly leaves: Slot;
  readonly tag: number;
}

export interface Layout {
  readonly circuit: Circuit;
  /** Tensor numbers of inputs and outputs. */
  readonly publicTensors: ReadonlySet<number>;
  /** Witness slot of each committed tensor, by tensor number. */
  readonly tensorSlots: readonly (Slot | null)[];
  /** Per layer; null for accumulators. */
  readonly layers: readonly (RequantizeSlots | MaximumSlots | null)[];
  readonly tables: readonly LookupTable[];
  readonly witnessLength: number;
  readonly leafLength: number;
  readonly validLeaves: number;
  /** Leaves before those of the tables. */
  readonly lookupLeafLength: number;
  /** Convolutions in the order of the transcript: those of requantize layers, then those of int32 outputs in output order. */
  readonly convolutions: readonly (ConvolutionSite & { readonly index: number })[];
  /** Committed weights: a slot per convolution, by the order of the circuit's weights; empty where weights are public. */
  readonly weightSlots: readonly Slot[];
  readonly weightLength: number;
}

/** Bits of limb 0 and limb 1 of a remainder of `shift` bits. */
export function limbBits(shift: number): readonly [number, number] {
  return [Math.min(shift, LIMB_BITS), Math.max(shift - LIMB_BITS, 0)];
}

/** 0 where every shift is 0 (then there is no remainder), 1 up to 12 bits, else 2. */
export function limbCount(layer: Requantize): number {
  const largest = layer.shift.reduce((a, b) => Math.max(a, b), 0);
  return largest === 0 ? 0 : largest <= LIMB_BITS ? 1 : 2;
}

interface Pending {
  shape: Shape;
  slot: Slot | null;
}

/** Places slots by plane size, largest first, then in the given order. Returns the length of the vector. */
function place(pending: readonly Pending[]): number {
  const order = pending.map((p, i) => ({ p, i, plane: bits(p.shape[1]) + bits(p.shape[2]) }));
  order.sort((x, y) => y.plane - x.plane || x.i - y.i);
  let offset = 0;
  for (const { p, plane } of order) {
    const [channels, height, width] = p.shape;
    p.slot = { offset, channels, height, width, rowBits: bits(height), columnBits: bits(width) };
    offset += channels * 2 ** plane;
  }
  return offset;
}

function tableRows(circuit: Circuit): { source: TableKind; first: Int32Array; second: Int32Array }[] {
  const widths = new Set<number>();
  const used = new Set<number>();
  let maximum = false;
  for (const layer of circuit.layers) {
    if (layer.kind === 'maximum') maximum = true;
    if (layer.kind !== 'requantize') continue;
    used.add(layer.table);
    const count = limbCount(layer);
    for (let limb = 0; limb < count; limb++) for (const s of layer.shift) widths.add(limbBits(s)[limb]!);
  }
  const rows: { source: TableKind; first: Int32Array; second: Int32Array }[] = [];
  for (const width of [...widths].sort((a, b) => a - b)) {
    const n = 2 ** width;
    rows.push({
      source: { kind: 'remainder', bits: width },
      first: Int32Array.from({ length: n }, (_, r) => r),
      second: new Int32Array(n),
    });
  }
  if (maximum) {
    const first = Int32Array.from({ length: 511 }, (_, k) => k - 255);
    rows.push({ source: { kind: 'maximum' }, first, second: first.map((d) => Math.max(d, 0)) });
  }
  for (const index of [...used].sort((a, b) => a - b)) {
    const table = circuit.tables[index]!;
    const first = Int32Array.from(table.values, (_, n) => table.first + n);
    rows.push({ source: { kind: 'quotient', table: index }, first, second: Int32Array.from(table.values) });
  }
  return rows;
}

/** The layout of a circuit that `checkCircuit` has accepted. */
export function layoutOf(circuit: Circuit): Layout {
  const inputs = circuit.inputs.length;
  const publicTensors = new Set<number>([...circuit.inputs.keys(), ...circuit.outputs]);
  const rows = tableRows(circuit);
  const witness: Pending[] = [];
  const leaves: Pending[] = [];
  const add = (list: Pending[], shape: Shape): Pending => {
    const pending = { shape, slot: null };
    list.push(pending);
    return pending;
  };
  let validLeaves = 0;
  const drafts = circuit.layers.map((layer, index) => {
    if (layer.kind === 'accumulate') return null;
    const output = publicTensors.has(inputs + index) ? null : add(witness, layer.shape);
    const count = layer.kind === 'maximum' ? 0 : limbCount(layer);
    const limbs = Array.from({ length: count }, () => add(witness, layer.shape));
    const limbLeaves = limbs.map(() => add(leaves, layer.shape));
    const own = add(leaves, layer.shape);
    validLeaves += (count + 1) * layer.shape[0] * layer.shape[1] * layer.shape[2];
    return { output, limbs, limbLeaves, own };
  });
  const lookupPending = leaves.length;
  const tableDrafts = rows.map((row) => ({
    multiplicities: add(witness, [row.first.length, 1, 1]),
    leaves: add(leaves, [row.first.length, 1, 1]),
  }));
  const witnessLength = place(witness);
  const leafLength = place(leaves);
  validLeaves += rows.reduce((sum, row) => sum + row.first.length, 0);
  const tables = rows.map((row, k) => ({
    ...row,
    tag: k + 1,
    multiplicities: tableDrafts[k]!.multiplicities.slot!,
    leaves: tableDrafts[k]!.leaves.slot!,
  }));
  const tagOf = (source: TableKind): number =>
    tables.find(
      ({ source: s }) =>
        (s.kind === 'remainder' && source.kind === 'remainder' && s.bits === source.bits) ||
        (s.kind === 'maximum' && source.kind === 'maximum') ||
        (s.kind === 'quotient' && source.kind === 'quotient' && s.table === source.table),
    )!.tag;
  const layers = circuit.layers.map((layer, index): RequantizeSlots | MaximumSlots | null => {
    const draft = drafts[index];
    if (!draft || layer.kind === 'accumulate') return null;
    if (layer.kind === 'maximum') return { kind: 'maximum', leaves: draft.own.slot!, tag: tagOf({ kind: 'maximum' }) };
    return {
      kind: 'requantize',
      limbs: draft.limbs.map((p) => p.slot!),
      limbLeaves: draft.limbLeaves.map((p) => p.slot!),
      quotientLeaves: draft.own.slot!,
      limbTags: draft.limbs.map((_, limb) => Int32Array.from(layer.shift, (s) => tagOf({ kind: 'remainder', bits: limbBits(s)[limb]! }))),
      quotientTag: tagOf({ kind: 'quotient', table: layer.table }),
    };
  });
  const sites = convolutions(circuit).map((site, index) => ({ ...site, index }));
  const outputOrder = circuit.outputs.flatMap((tensor) =>
    sites.filter((s) => s.layer.kind === 'accumulate' && inputs + s.layerIndex === tensor),
  );
  const weightPending: Pending[] = [];
  if (circuit.weightRoot) {
    for (const { term, layer } of sites) {
      add(weightPending, [layer.shape[0] * term.kernel[0] * term.kernel[1], 1, term.operand.shape[0] / term.groups]);
    }
  }
  const weightLength = place(weightPending);
  return {
    circuit,
    publicTensors,
    tensorSlots: [...circuit.inputs.map(() => null), ...drafts.map((d) => d?.output?.slot ?? null)],
    layers,
    tables,
    witnessLength,
    leafLength,
    validLeaves,
    lookupLeafLength: lookupPending ? (tables[0]?.leaves.offset ?? leafLength) : 0,
    convolutions: [...sites.filter((s) => s.layer.kind === 'requantize'), ...outputOrder],
    weightSlots: weightPending.map((p) => p.slot!),
    weightLength,
  };
}

/** Every slot of the witness. */
export function witnessSlots(layout: Layout): Slot[] {
  return [
    ...layout.tensorSlots.filter((slot) => slot !== null),
    ...layout.layers.flatMap((slots) => (slots?.kind === 'requantize' ? slots.limbs : [])),
    ...layout.tables.map((table) => table.multiplicities),
  ];
}

/** Variables of a committed vector of `length` entries: enough for its index, and for one row of its matrix. */
export function vectorVariables(length: number): number {
  const levels = openingLevels(length);
  if (!levels) throw new RangeError(`a vector of ${length} entries is longer than can be committed to`);
  return Math.max(bits(length), levels[0]!.columnBits);
}

/** Shape of a tensor, for readers of layouts. */
export function tensorShape(layout: Layout, tensor: number): Shape {
  return shapeOf(layout.circuit, tensor);
}
