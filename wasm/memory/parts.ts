/** What the kernels' memory holds while a circuit is proven, in the parts that an estimate is made of. */
import type { PlannedArena } from '../runtime/planned-arena.ts';

export const MEMORY_PARTS = {
  reserved: 'control block and arguments of jobs',
  weights: 'int8 weights',
  'committed weights': 'the vector W of committed weights, encoded, with its hash tree',
  'leaf map': 'which leaves of the lookup tree are there',
  witness: 'the vector w',
  execution: 'tensors, operands, accumulators and quotients of the execution',
  'encoded witness': 'the encoded matrix of w, with its hash tree',
  'lookup tree': 'leaves and nodes of the lookup tree, and what its rounds fold',
  functionals: 'per-axis vectors of the claims',
  'linear sumcheck': 'tables of weights and inputs of the convolutions',
  batching: 'planes and channels of the batched claims',
  opening: 'combined rows and smaller commitments of the opening',
  scratch: 'transcript, and what is freed at once',
} as const satisfies Record<string, string>;

export type MemoryPart = keyof typeof MEMORY_PARTS;

export type MemoryPlan = PlannedArena<MemoryPart>;

/** Bytes of `length` elements of K, as `allocateK` of field/karray.ts takes them. */
export function elements(length: number): number {
  return 16 * Math.max(1, length);
}

/** Bytes of int32 values, as `placeIntegers` takes them. */
export function integers(length: number): number {
  return 4 * Math.max(1, length);
}

/** An array eq(z, .) that stays, for a point of `variables` variables. */
export function planEq(plan: MemoryPlan, part: MemoryPart, variables: number, length: number): void {
  plan.take(part, elements(length));
  plan.touch(part, 16 * variables + 32 * length + 64);
}
