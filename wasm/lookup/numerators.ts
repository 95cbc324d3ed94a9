/**
 * The leaves' numerators in the leaf layer's sumcheck: sum of eq(z, x) p0(x) p1(x), p0 and p1 the numerators of the leaves 2x and 2x + 1.
 *
 * In a plane a numerator is 1 where the plane has an entry and 0 where it is padding, the same in every channel. So while in-plane variables are bound, one plane stands for all of its shape, and the sum over
 * it counts as often as its channels weigh. When they are all bound, a plane has become one number, and its class joins the dense vector of single leaves behind it.
 */
import { foldQuads, quadVector, readQuad } from '../claims/product.ts';
import { add, mul, ONE, ZERO, type K } from '../field/qm31.ts';
import { eqArray, sumK } from '../field/karray.ts';
import type { Kernels } from '../runtime/kernels.ts';
import type { LeafMap, PlaneClass, PlaneShape } from './leaf-map.ts';
import { fillQuads } from './nodes.ts';
import type { Weights } from './weights.ts';

/** The dense vectors begin at a multiple of 2^10 when they are placed, and of 2^7 in every round, as the low table of their weights does; between, they are moved. */
export const PLACED = 1024;
export const ALIGNED = 128;

/** p0 and p1 as quad vectors of `length` elements. */
interface Vectors {
  readonly p0: number;
  readonly p1: number;
  length: number;
}

/** One plane of a shape. `mass` is the sum of the weights of all its channels; a plane without padding needs no vectors. */
interface Template {
  readonly shape: PlaneShape;
  readonly mass: K;
  readonly vectors: Vectors | null;
}

interface Templates {
  readonly planes: PlaneClass;
  readonly templates: readonly Template[];
}

export class Numerators {
  private readonly kernels: Kernels;
  private readonly weights: Weights;
  private readonly variables: number;
  /** Classes that have not joined, larger planes first. */
  private readonly waiting: Templates[];
  private dense: Vectors;
  /** Index of the dense vectors' first element. */
  private base: number;
  private bound = 0;

  /** `words`: address of the numerators from leaf `map.tail` on, base words, filled with zeros up to a multiple of 8. Claims stand at `point`. */
  constructor(kernels: Kernels, map: LeafMap, words: number, weights: Weights, point: readonly K[]) {
    this.kernels = kernels;
    this.weights = weights;
    this.variables = point.length;
    this.waiting = map.classes.map((planes) => ({
      planes,
      templates: planes.shapes.map((shape) => template(kernels, shape, planes.bits, point)),
    }));
    const length = Math.ceil((map.length - map.tail) / 2);
    this.dense = { p0: quadVector(kernels, length), p1: quadVector(kernels, length), length };
    kernels.exports.splitWords!(this.dense.p0, this.dense.p1, words, length);
    this.base = map.tail / 2;
    this.move();
    this.join();
  }

  /** Value at 0 and quadratic coefficient of the round for the next variable. */
  message(): readonly [K, K] {
    let value = ZERO;
    let quadratic = ZERO;
    const free = this.variables - this.bound - 1;
    const count = ([a, c]: readonly [K, K], mass: K): void => {
      value = add(value, mul(mass, a));
      quadratic = add(quadratic, mul(mass, c));
    };
    for (const { planes, templates } of this.waiting) {
      for (const { mass, vectors } of templates) {
        if (vectors) count(this.messageOf(vectors, planes.bits - 2 - this.bound, 0), mass);
        else value = add(value, mass);
      }
    }
    count(this.messageOf(this.dense, free, this.base / 2), ONE);
    return [value, quadratic];
  }

  private messageOf({ p0, p1, length }: Vectors, variables: number, first: number): readonly [K, K] {
    const { low, high } = this.weights.tables(this.bound + 1, variables, Math.ceil(length / 2), first);
    return this.weights.sum((sums) => this.kernels.exports.pairMessage!(p0, p1, low, high, sums, Math.ceil(length / 8)));
  }

  bind(r: K): void {
    const { kernels } = this;
    const fold = (vectors: Vectors): void => {
      foldQuads(kernels, vectors.p0, vectors.length, r);
      foldQuads(kernels, vectors.p1, vectors.length, r);
      vectors.length = Math.ceil(vectors.length / 2);
    };
    for (const { templates } of this.waiting) for (const { vectors } of templates) if (vectors) fold(vectors);
    fold(this.dense);
    this.base /= 2;
    this.bound += 1;
    if (this.base % ALIGNED) this.move();
    this.join();
  }

  /** When all variables are bound: p0 and p1. */
  values(): readonly [K, K] {
    return [readQuad(this.kernels, this.dense.p0, 0), readQuad(this.kernels, this.dense.p1, 0)];
  }

  /** Copies the dense vectors to ones that begin at `start`, or a little before. */
  private move(start = this.base): void {
    const { kernels, dense } = this;
    const base = PLACED * Math.floor(Math.min(start, this.base) / PLACED);
    const length = this.base + dense.length - base;
    const moved = { p0: quadVector(kernels, length), p1: quadVector(kernels, length), length };
    const mark = kernels.arena.mark();
    const elements = kernels.arena.allocate(16 * dense.length);
    for (const side of ['p0', 'p1'] as const) {
      kernels.exports.kFromQuads!(elements, dense[side], 0, dense.length);
      kernels.exports.kToQuads!(moved[side], this.base - base, elements, dense.length);
    }
    kernels.arena.release(mark);
    this.dense = moved;
    this.base = base;
  }

  /** The class whose planes have become single elements, if there is one, becomes part of the dense vectors. */
  private join(): void {
    const { kernels } = this;
    const joining = this.waiting[this.waiting.length - 1];
    if (joining?.planes.bits !== this.bound + 1) return;
    this.waiting.pop();
    const { planes, templates } = joining;
    this.move(planes.first);
    for (const { shape, vectors } of templates) {
      const values = vectors ? [readQuad(kernels, vectors.p0, 0), readQuad(kernels, vectors.p1, 0)] : [ONE, ONE];
      for (const run of shape.runs) {
        const start = run.first - this.base;
        fillQuads(kernels, this.dense.p0, start, start + run.planes, values[0]!);
        fillQuads(kernels, this.dense.p1, start, start + run.planes, values[1]!);
      }
    }
  }
}

function template(kernels: Kernels, shape: PlaneShape, bits: number, point: readonly K[]): Template {
  const mark = kernels.arena.mark();
  const high = point.slice(bits - 1);
  const mass = shape.runs.reduce((sum, { first, planes }) => add(sum, sumK(kernels, eqArray(kernels, high, first, planes))), ZERO);
  kernels.arena.release(mark);
  const { height, width, columnBits } = shape;
  if (height * width === 2 ** bits) return { shape, mass, vectors: null };
  const length = 2 ** (bits - 1);
  const vectors = { p0: quadVector(kernels, length), p1: quadVector(kernels, length), length };
  const own = kernels.arena.mark();
  const words = kernels.arena.allocate(4 * Math.max(8, 2 * length));
  kernels.exports.clear!(words, 4 * Math.max(8, 2 * length));
  for (let i = 0; i < height; i++) {
    const row = (words >>> 2) + i * 2 ** columnBits;
    kernels.words.fill(1, row, row + width);
  }
  kernels.exports.splitWords!(vectors.p0, vectors.p1, words, length);
  kernels.arena.release(own);
  return { shape, mass, vectors };
}
