/**
 * Linear functionals of the witness (README sections 6 and 7): sums of forms on its slots, and a constant for everything public.
 *
 * A form has coefficients for the valid positions of a slot only; what the prover puts elsewhere never counts.
 */
import { shapeOf, zeroOf, type Circuit, type Shape, type View } from '../../circuits/graph/circuit.ts';
import { add, dot, integerDot, multiply, negate, sum, times, ZERO, type K } from './field.ts';
import { eqAxes, elements, type Layout, type Slot } from './layout.ts';
import { eqPoints } from './multilinear.ts';

/** One coefficient vector per axis, each of the axis' real length: the coefficient of (c, i, j) is channel[c] row[i] column[j]. */
export interface Axes {
  readonly channel: readonly K[];
  readonly row: readonly K[];
  readonly column: readonly K[];
}

export type Form =
  | { readonly kind: 'product'; readonly slot: Slot; readonly axes: Axes }
  /** One coefficient per valid position, in C-order. */
  | { readonly kind: 'dense'; readonly slot: Slot; readonly coefficients: readonly K[] }
  /** eq(point, .) of the whole vector, padding included. */
  | { readonly kind: 'point'; readonly point: readonly K[] };

/** What a functional is taken of: which tensors are public, with their values, and where the others lie. */
export interface Known {
  readonly circuit: Circuit;
  readonly layout: Layout;
  /** Values of the public tensors, C-order. */
  readonly values: ReadonlyMap<number, ArrayLike<number>>;
}

/** `<w, forms> + constant`, under construction. */
export interface Functional {
  readonly forms: Form[];
  constant: K;
}

/** `<w, sum of forms> = value`. */
export interface Claim {
  readonly forms: readonly Form[];
  readonly value: K;
}

export function emptyFunctional(): Functional {
  return { forms: [], constant: ZERO };
}

export function addConstant(functional: Functional, x: K): void {
  functional.constant = add(functional.constant, x);
}

export function scaleAll(k: K, xs: readonly K[]): K[] {
  return xs.map((x) => multiply(k, x));
}

/** The sum of all coefficients of a product. */
export function mass(axes: Axes): K {
  return multiply(sum(axes.channel), multiply(sum(axes.row), sum(axes.column)));
}

/** sum of channel[c] row[i] column[j] values[c, i, j]. */
export function contract(axes: Axes, values: ArrayLike<number>): K {
  const height = axes.row.length;
  const width = axes.column.length;
  return axes.channel.reduce((total, e, c) => {
    const rows = axes.row.map((g, i) => multiply(g, integerDot(values, (c * height + i) * width, axes.column)));
    return add(total, multiply(e, sum(rows)));
  }, ZERO);
}

/** Adds the product of a tensor: a form if it is committed, a constant if it is public. */
export function addTensor(functional: Functional, known: Known, tensor: number, axes: Axes): void {
  const values = known.values.get(tensor);
  if (values !== undefined) addConstant(functional, contract(axes, values));
  else functional.forms.push({ kind: 'product', slot: known.layout.witness.activations.get(tensor)!, axes });
}

function addDense(functional: Functional, known: Known, tensor: number, coefficients: readonly K[]): void {
  const values = known.values.get(tensor);
  if (values !== undefined) addConstant(functional, integerDot(values, 0, coefficients));
  else functional.forms.push({ kind: 'dense', slot: known.layout.witness.activations.get(tensor)!, coefficients });
}

/** The coefficients of the tensor's axis: what the operand's positions that read an index weigh together. */
function pushAxis(map: Int32Array, vector: readonly K[], length: number): K[] {
  const out = new Array<K>(length).fill(ZERO);
  map.forEach((index, o) => {
    if (index >= 0) out[index] = add(out[index]!, vector[o]!);
  });
  return out;
}

function pushGather(index: Int32Array, shape: Shape, axes: Axes, length: number): K[] {
  const out = new Array<K>(length).fill(ZERO);
  let position = 0;
  for (let c = 0; c < shape[0]; c++) {
    for (let i = 0; i < shape[1]; i++) {
      const weight = multiply(axes.channel[c]!, axes.row[i]!);
      for (let j = 0; j < shape[2]; j++) {
        const t = index[position++]!;
        if (t >= 0) out[t] = add(out[t]!, multiply(weight, axes.column[j]!));
      }
    }
  }
  return out;
}

/**
 * Adds `sum of channel[c] row[i] column[j] x[c, i, j]` over the covered positions of an operand; `x - z` in place of x if `centred`,
 * z the zero point of the tensor that the position reads.
 */
export function addView(functional: Functional, known: Known, view: View, axes: Axes, centred: boolean): void {
  const ofOperand = [axes.channel, axes.row, axes.column] as const;
  for (const part of view.parts) {
    const shape = shapeOf(known.circuit, part.tensor);
    const zero = centred ? zeroOf(known.circuit, part.tensor) : 0;
    if (part.kind === 'axes') {
      const pushed = ([0, 1, 2] as const).map((a) => pushAxis(part.maps[a], ofOperand[part.axes[a]]!, shape[a]));
      const moved: Axes = { channel: pushed[0]!, row: pushed[1]!, column: pushed[2]! };
      addTensor(functional, known, part.tensor, moved);
      addConstant(functional, times(-zero, mass(moved)));
    } else {
      const coefficients = pushGather(part.index, view.shape, axes, elements(shape));
      addDense(functional, known, part.tensor, coefficients);
      addConstant(functional, times(-zero, sum(coefficients)));
    }
  }
}

/** Does an operand cover a position of a committed tensor? */
export function coversCommitted(known: Known, view: View): boolean {
  return view.parts.some((part) => {
    if (known.values.has(part.tensor)) return false;
    return part.kind === 'axes' ? part.maps.every((map) => map.some((i) => i >= 0)) : part.index.some((i) => i >= 0);
  });
}

/** The multilinear extension of a form at a point of its vector. */
export function formAt(form: Form, z: readonly K[]): K {
  if (form.kind === 'point') return eqPoints(form.point, z);
  const eq = eqAxes(form.slot, z);
  if (form.kind === 'product') {
    const { channel, row, column } = form.axes;
    return multiply(dot(channel, eq.channel), multiply(dot(row, eq.row), dot(column, eq.column)));
  }
  const { coefficients } = form;
  const width = eq.column.length;
  const height = eq.row.length;
  return eq.channel.reduce((total, e, c) => {
    const rows = eq.row.map((g, i) => {
      const start = (c * height + i) * width;
      return multiply(g, dot(coefficients.slice(start, start + width), eq.column));
    });
    return add(total, multiply(e, sum(rows)));
  }, ZERO);
}

/** A claim on `<w, forms>` from a functional whose total, constant included, is known. */
export function claimOf(functional: Functional, total: K): Claim {
  return { forms: functional.forms, value: add(total, negate(functional.constant)) };
}
