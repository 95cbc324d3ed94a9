/** Reshape, Flatten, Squeeze, Unsqueeze: the same elements in other dimensions. */
import { count, dimsText } from '../dims.ts';
import type { Meaning, Operator } from './operator.ts';
import { dimsOf, view } from './view.ts';

function reshaped(op: Operator, dims: readonly number[]): Meaning[] {
  const from = dimsOf(op, 0);
  if (count(dims) !== count(from)) throw op.error(`cannot give ${dimsText(from)} the dimensions ${dimsText(dims)}`);
  return [view(op, dims, [{ operand: 0, index: null }])];
}

/** 0 copies a dimension (unless `allowzero`), one -1 takes what is left. */
export function reshape(op: Operator): Meaning[] {
  const from = dimsOf(op, 0);
  const wanted = op.list(1);
  const keepsZero = op.flag('allowzero', false);
  const dims = wanted.map((dim, axis) => {
    if (dim !== 0 || keepsZero) return dim;
    if (axis >= from.length) throw op.error(`copies dimension ${axis} of ${dimsText(from)}, which has none`);
    return from[axis]!;
  });
  const open = dims.indexOf(-1);
  if (open >= 0) {
    const rest = count(dims.filter((_, axis) => axis !== open));
    dims[open] = rest === 0 ? -1 : count(from) / rest;
  }
  if (dims.some((dim) => !Number.isSafeInteger(dim) || dim < 0)) {
    const batch = from[0] === 1 && wanted[0]! > 1 ? 'the model fixes a batch that is not 1: export it with batch size 1' : '';
    throw op.error(`cannot give ${dimsText(from)} the dimensions ${dimsText(wanted)}`, batch);
  }
  return reshaped(op, dims);
}

/** Two dimensions: those before the axis, those from it on. */
export function flatten(op: Operator): Meaning[] {
  const dims = dimsOf(op, 0);
  const given = op.integer('axis', 1);
  const axis = given < 0 ? given + dims.length : given;
  if (axis < 0 || axis > dims.length) throw op.error(`axis ${given} of a tensor of ${dims.length} dimensions`);
  return reshaped(op, [count(dims.slice(0, axis)), count(dims.slice(axis))]);
}

export function squeeze(op: Operator): Meaning[] {
  const dims = dimsOf(op, 0);
  const given = op.listSince(13, 'axes', 1);
  const axes = given ? op.axes(given, dims.length) : dims.flatMap((dim, axis) => (dim === 1 ? [axis] : []));
  for (const axis of axes) if (dims[axis] !== 1) throw op.error(`squeezes axis ${axis} of ${dimsText(dims)}, expected a dimension of 1`);
  return reshaped(
    op,
    dims.filter((_, axis) => !axes.includes(axis)),
  );
}

export function unsqueeze(op: Operator): Meaning[] {
  const dims = dimsOf(op, 0);
  const given = op.listSince(13, 'axes', 1);
  if (!given) throw op.error('axes are missing');
  const rank = dims.length + given.length;
  const axes = op.axes(given, rank);
  const rest = dims[Symbol.iterator]();
  return reshaped(
    op,
    Array.from({ length: rank }, (_, axis) => (axes.includes(axis) ? 1 : (rest.next().value as number))),
  );
}
