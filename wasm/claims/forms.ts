/**
 * Linear functionals of the committed vectors, as sums of product forms: one vector per axis of a tensor, each of the tensor's real length, so that no
 * functional ever reads padding. Source: README.md, sections 6 and 7; proof-system design, sections 4 and 6 ("Views").
 */
import { isIdentityMap, zeroOf, type AxisPart, type GatherPart, type Part, type View } from '../../circuits/graph/circuit.ts';
import { dotK, eqArray, formValue, outer, push, sumK, zerosK, placeIntegers, type KArray } from '../field/karray.ts';
import { add, eqPoints, mul, neg, ONE, scale, ZERO, type K } from '../field/qm31.ts';
import type { Kernels } from '../runtime/kernels.ts';
import { tensorShape, planeBits, type Layout, type Slot } from '../statement/layout.ts';

/** factor * <slot, channel x row x column>. */
export interface ProductForm {
  readonly kind: 'product';
  readonly slot: Slot;
  readonly factor: K;
  readonly channel: KArray;
  readonly row: KArray;
  readonly column: KArray;
}

/** factor * <slot, coefficients>, one coefficient per valid entry in C-order: for index maps that are no product of axis maps. */
export interface DenseForm {
  readonly kind: 'dense';
  readonly slot: Slot;
  readonly factor: K;
  readonly coefficients: KArray;
}

/** factor * <vector, eq(point, .)>, over the whole committed vector: padding counts too. */
export interface PointForm {
  readonly kind: 'point';
  readonly factor: K;
  readonly point: readonly K[];
}

export type Form = ProductForm | DenseForm | PointForm;

/** Values of public tensors in memory, C-order: uint8 or int32. */
export interface PublicTensor {
  readonly address: number;
  readonly bytes: boolean;
}

/** What functionals are made of: the kernels, the layout, and the public values. */
export interface Scene {
  readonly kernels: Kernels;
  readonly layout: Layout;
  readonly publicValues: ReadonlyMap<number, PublicTensor>;
}

/** A linear combination of tensors: forms on committed ones, a known constant for everything public. */
export interface Combination {
  readonly forms: Form[];
  constant: K;
}

export function emptyCombination(): Combination {
  return { forms: [], constant: ZERO };
}

export function addConstant(combination: Combination, value: K): void {
  combination.constant = add(combination.constant, value);
}

/** Adds factor * <tensor, channel x row x column> on the raw values. */
export function addTensor(scene: Scene, to: Combination, tensor: number, factor: K, channel: KArray, row: KArray, column: KArray): void {
  const known = scene.publicValues.get(tensor);
  if (known) {
    addConstant(to, mul(factor, formValue(scene.kernels, channel, row, column, known.address, known.bytes)));
    return;
  }
  const slot = scene.layout.tensorSlots[tensor];
  if (!slot) throw new Error(`tensor ${tensor} is neither committed nor public`);
  to.forms.push({ kind: 'product', slot, factor, channel, row, column });
}

function addAxisPart(scene: Scene, to: Combination, part: AxisPart, factor: K, vectors: readonly KArray[], centred: boolean): void {
  const { kernels, layout } = scene;
  const shape = tensorShape(layout, part.tensor);
  const moved = part.maps.map((map, axis) => {
    const vector = vectors[part.axes[axis]!]!;
    return isIdentityMap(map, shape[axis]!) ? vector : push(kernels, vector, map, shape[axis]!);
  });
  const [channel, row, column] = moved as [KArray, KArray, KArray];
  addTensor(scene, to, part.tensor, factor, channel, row, column);
  const zero = zeroOf(layout.circuit, part.tensor);
  if (centred && zero) {
    const mass = mul(sumK(kernels, channel), mul(sumK(kernels, row), sumK(kernels, column)));
    addConstant(to, mul(factor, neg(scale(zero, mass))));
  }
}

function addGatherPart(scene: Scene, to: Combination, part: GatherPart, factor: K, vectors: readonly KArray[], centred: boolean): void {
  const { kernels, layout } = scene;
  const [channels, height, width] = tensorShape(layout, part.tensor);
  const coefficients = zerosK(kernels, channels * height * width);
  const mark = kernels.arena.mark();
  const flat = outer(kernels, vectors[0]!, vectors[1]!, vectors[2]!);
  kernels.exports.kPush!(coefficients.address, flat.address, placeIntegers(kernels, part.index), part.index.length);
  kernels.arena.release(mark);
  const known = scene.publicValues.get(part.tensor);
  const slot = layout.tensorSlots[part.tensor];
  if (known) {
    // one long column: the values lie in the same order
    const one = zerosK(kernels, 1);
    kernels.words[one.address >>> 2] = 1;
    addConstant(to, mul(factor, formValue(kernels, one, one, coefficients, known.address, known.bytes)));
  } else if (slot) {
    to.forms.push({ kind: 'dense', slot, factor, coefficients });
  } else {
    throw new Error(`tensor ${part.tensor} is neither committed nor public`);
  }
  const zero = zeroOf(layout.circuit, part.tensor);
  if (centred && zero) addConstant(to, mul(factor, neg(scale(zero, sumK(kernels, coefficients)))));
}

/** Whether a part covers a position at all. One that does not makes no form, not even a zero one: a claim is sent where a committed tensor is read. */
export function coversAny(part: Part): boolean {
  return part.kind === 'gather' ? part.index.some((n) => n >= 0) : part.maps.every((map) => map.some((n) => n >= 0));
}

/**
 * Adds factor * sum of channel[c] row[i] column[j] (x - z), over the operand's covered positions; raw x where not `centred`. The vectors run over the operand's axes.
 */
export function addView(
  scene: Scene,
  to: Combination,
  view: View,
  factor: K,
  channel: KArray,
  row: KArray,
  column: KArray,
  centred: boolean,
): void {
  for (const part of view.parts) {
    if (!coversAny(part)) continue;
    const add = part.kind === 'axes' ? addAxisPart : addGatherPart;
    add(scene, to, part as never, factor, [channel, row, column], centred);
  }
}

/** eq(point, .) of a slot as one vector per axis, each of the slot's real length. */
export interface SlotAxes {
  readonly channel: KArray;
  readonly row: KArray;
  readonly column: KArray;
}

export function slotAxes(kernels: Kernels, slot: Slot, point: readonly K[]): SlotAxes {
  const plane = planeBits(slot);
  return {
    channel: eqArray(kernels, point.slice(plane), slot.offset / 2 ** plane, slot.channels),
    row: eqArray(kernels, point.slice(slot.columnBits, plane), 0, slot.height),
    column: eqArray(kernels, point.slice(0, slot.columnBits), 0, slot.width),
  };
}

/** A point of a committed vector, and eq(point, .) split over the axes of slots, remembered per slot. */
export interface VectorPoint {
  readonly point: readonly K[];
  axes(slot: Slot): SlotAxes;
}

export function vectorPoint(kernels: Kernels, point: readonly K[]): VectorPoint {
  const known = new Map<Slot, SlotAxes>();
  return {
    point,
    axes(slot) {
      let axes = known.get(slot);
      if (!axes) known.set(slot, (axes = slotAxes(kernels, slot, point)));
      return axes;
    },
  };
}

/** The multilinear extension of a form at a point. */
export function formAt(kernels: Kernels, form: Form, at: VectorPoint): K {
  if (form.kind === 'point') return mul(form.factor, eqPoints(form.point, at.point));
  const { channel, row, column } = at.axes(form.slot);
  if (form.kind === 'product') {
    return mul(
      form.factor,
      mul(dotK(kernels, form.channel, channel), mul(dotK(kernels, form.row, row), dotK(kernels, form.column, column))),
    );
  }
  const mark = kernels.arena.mark();
  const value = dotK(kernels, form.coefficients, outer(kernels, channel, row, column));
  kernels.arena.release(mark);
  return mul(form.factor, value);
}

/** The single element 1, as a vector. */
export function unit(kernels: Kernels): KArray {
  const one = zerosK(kernels, 1);
  kernels.words[one.address >>> 2] = ONE[0];
  return one;
}
