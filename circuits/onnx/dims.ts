/** Dimensions of tensors in C-order. */

/** Most elements of one tensor, and the largest dimension: guards against allocating what a damaged file asks for. */
export const MAX_ELEMENTS = 2 ** 24;

/** Number of elements; a scalar has one. */
export function count(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

export function sameDims(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}

/** `[1, 3, 32, 32]` */
export function dimsText(dims: readonly (number | string)[]): string {
  return `[${dims.join(', ')}]`;
}

/** The same elements with leading ones, `rank` dimensions in all. */
export function padDims(dims: readonly number[], rank: number): number[] {
  return [...Array.from({ length: Math.max(rank - dims.length, 0) }, () => 1), ...dims];
}

/** What both broadcast to (ONNX multidirectional broadcasting), or null if they do not. */
export function broadcastDims(a: readonly number[], b: readonly number[]): number[] | null {
  const rank = Math.max(a.length, b.length);
  const [p, q] = [padDims(a, rank), padDims(b, rank)];
  const fits = p.every((dim, axis) => dim === q[axis] || dim === 1 || q[axis] === 1);
  return fits ? p.map((dim, axis) => (dim === 1 ? q[axis]! : dim)) : null;
}

/** Distance between neighbours along each axis. */
export function strides(dims: readonly number[]): number[] {
  const result = dims.map(() => 1);
  for (let axis = dims.length - 2; axis >= 0; axis--) result[axis] = result[axis + 1]! * dims[axis + 1]!;
  return result;
}
