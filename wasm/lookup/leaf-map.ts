/**
 * Which leaves are lookups, in the kernels' memory: derived from the layout, once per circuit. See kernels/leaves.ts.
 */
import type { Kernels } from '../runtime/kernels.ts';
import { planeBits, type Layout, type Slot } from '../statement/layout.ts';
import { capacityOf, type Presence } from './nodes.ts';

/** Slots with planes of one shape, all in one class. */
export interface PlaneShape {
  readonly height: number;
  readonly width: number;
  readonly columnBits: number;
  /** First plane, by its index in the vector, and number of planes, of each slot. */
  readonly runs: readonly { readonly first: number; readonly planes: number }[];
}

/** Slots with planes of 2^bits leaves, bits at least 1; they stand in one piece, larger planes before them. */
export interface PlaneClass {
  readonly bits: number;
  /** Index of the first plane, and number of planes. */
  readonly first: number;
  readonly planes: number;
  readonly shapes: readonly PlaneShape[];
}

/** How the leaves are grouped. */
export interface LeafGroups {
  readonly length: number;
  /** Where slots without planes begin: single lookups, then the tables' rows. */
  readonly tail: number;
  readonly classes: readonly PlaneClass[];
  /** Single lookups, as ranges of leaves. */
  readonly singles: readonly { readonly start: number; readonly end: number }[];
}

export interface LeafMap extends LeafGroups, Presence {
  /** Address of one bit a leaf: set for a lookup in a plane of at least two leaves. */
  readonly bits: number;
}

function lookupSlots(layout: Layout): Slot[] {
  return layout.layers
    .flatMap((slots) => (!slots ? [] : slots.kind === 'maximum' ? [slots.leaves] : [...slots.limbLeaves, slots.quotientLeaves]))
    .sort((a, b) => a.offset - b.offset);
}

function classesOf(slots: readonly Slot[]): PlaneClass[] {
  const sizes = [...new Set(slots.map(planeBits))].filter((bits) => bits > 0).sort((a, b) => b - a);
  return sizes.map((bits) => {
    const own = slots.filter((slot) => planeBits(slot) === bits);
    const shapes = new Map<string, PlaneShape & { runs: { first: number; planes: number }[] }>();
    for (const { height, width, columnBits, offset, channels } of own) {
      const key = `${height} ${width}`;
      const shape = shapes.get(key) ?? { height, width, columnBits, runs: [] };
      shapes.set(key, shape);
      shape.runs.push({ first: offset / 2 ** bits, planes: channels });
    }
    const first = own[0]!.offset / 2 ** bits;
    return { bits, first, planes: own.reduce((n, slot) => n + slot.channels, 0), shapes: [...shapes.values()] };
  });
}

/** Sets the bits of a slot's valid leaves. */
function setBits(bits: Uint8Array, slot: Slot): void {
  const plane = 2 ** planeBits(slot);
  const set = (to: Uint8Array, start: number): void => {
    for (let i = 0; i < slot.height; i++) {
      for (let j = 0; j < slot.width; j++) {
        const k = start + i * 2 ** slot.columnBits + j;
        to[k >>> 3]! |= 1 << (k & 7);
      }
    }
  };
  if (plane < 8) {
    for (let c = 0; c < slot.channels; c++) set(bits, slot.offset + c * plane);
    return;
  }
  const pattern = new Uint8Array(plane / 8);
  set(pattern, 0);
  for (let c = 0; c < slot.channels; c++) bits.set(pattern, (slot.offset + c * plane) / 8);
}

/** One byte for each group of 16, 32, .. leaves: whether any of them is there. Null where no group of 16 is absent. */
function presenceOf(bits: Uint8Array, tail: number, length: number): Uint8Array[] | null {
  let groups = Uint8Array.from({ length: Math.ceil(length / 16) }, (_, k) =>
    bits[2 * k]! | bits[2 * k + 1]! || 16 * k + 15 >= tail ? 1 : 0,
  );
  if (groups.every((present) => present)) return null;
  const levels = [groups];
  while (groups.length > 1) {
    const below: Uint8Array = groups;
    groups = Uint8Array.from({ length: Math.ceil(below.length / 2) }, (_, k) => below[2 * k]! | (below[2 * k + 1] ?? 0));
    levels.push(groups);
  }
  return levels;
}

/** The groups of a layout's leaves. */
export function leafGroups(layout: Layout): LeafGroups {
  const slots = lookupSlots(layout);
  const last = slots.filter((slot) => planeBits(slot) > 0).at(-1);
  return {
    length: layout.leafLength,
    tail: last ? last.offset + last.channels * 2 ** planeBits(last) : 0,
    classes: classesOf(slots),
    singles: slots.filter((slot) => planeBits(slot) === 0).map(({ offset, channels }) => ({ start: offset, end: offset + channels })),
  };
}

/** Puts the map of a layout's leaves into the arena. */
export function placeLeafMap(kernels: Kernels, layout: Layout): LeafMap {
  const groups = leafGroups(layout);
  const bits = new Uint8Array(capacityOf(groups.length) / 8);
  for (const slot of lookupSlots(layout)) if (planeBits(slot) > 0) setBits(bits, slot);
  const place = (bytes: Uint8Array): number => {
    const address = kernels.arena.allocate(bytes.length);
    kernels.bytes.set(bytes, address);
    return address;
  };
  const bitsAt = place(bits);
  const levels = presenceOf(bits, groups.tail, groups.length)?.map(place) ?? [];
  return { ...groups, bits: bitsAt, at: (log) => levels[log - 4] ?? 0 };
}
