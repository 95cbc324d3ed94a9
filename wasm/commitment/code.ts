/**
 * The circle code of a size: twiddles in the kernels' memory, and the points of its columns. Source: ../README.md, section 9, "Code".
 */
import { addBase, mulBase, subBase } from '../field/qm31.ts';
import type { Kernels } from '../runtime/kernels.ts';

/** A point of the circle x^2 + y^2 = 1 over F. */
type Point = readonly [x: number, y: number];

/** Of order 2^31. */
const GENERATOR: Point = [2, 1268011823];

function times(a: Point, b: Point): Point {
  return [subBase(mulBase(a[0], b[0]), mulBase(a[1], b[1])), addBase(mulBase(a[0], b[1]), mulBase(a[1], b[0]))];
}

/** The generator of the subgroup of order 2^bits. */
function subgroup(bits: number): Point {
  let point = GENERATOR;
  for (let k = 31; k > bits; k--) point = times(point, point);
  return point;
}

function power(point: Point, exponent: number): Point {
  let result: Point = [1, 0];
  let base = point;
  for (let e = exponent; e > 0; e = Math.floor(e / 2)) {
    if (e % 2 === 1) result = times(result, base);
    base = times(base, base);
  }
  return result;
}

/** The multiple of the generator of order 2n, n = 2^bits, at which column `column` stands. */
export function columnExponent(column: number, bits: number): number {
  let e = 1;
  for (let i = bits - 1; i >= 1; i--) if ((column >>> i) & 1) e = 2 ** (bits - i + 1) - e;
  return column & 1 ? 2 ** (bits + 1) - e : e;
}

/** The factors y, x, pi(x), pi(pi(x)), ... (`count` of them) at a column of the code with 2^bits columns. */
export function columnFactors(column: number, bits: number, count: number): number[] {
  const [x, y] = power(subgroup(bits + 1), columnExponent(column, bits));
  const factors = [y];
  let t = x;
  while (factors.length < count) {
    factors.push(t);
    t = subBase(mulBase(2, mulBase(t, t)), 1);
  }
  return factors.slice(0, count);
}

/** Twiddle tables of the code with 2^bits columns, as kernels/circle.ts wants them. */
export interface Twiddles {
  readonly xs: number;
  readonly ys: number;
}

/** Values at odd multiples e = 1, 3, 5, .. of a generator: coordinate 0 (x) or 1 (y). */
function oddMultiples(bits: number, coordinate: 0 | 1): Uint32Array {
  const g = subgroup(bits);
  const step = times(g, g);
  const out = new Uint32Array(2 ** (bits - 2));
  let point = g;
  for (let k = 0; k < out.length; k++) {
    out[k] = point[coordinate];
    point = times(point, step);
  }
  return out;
}

function computeTables(bits: number): { xs: Uint32Array; ys: Uint32Array } {
  const xs = new Uint32Array(2 ** (bits - 1));
  let exponents = Uint32Array.of(1);
  const next = (m: number): Uint32Array => {
    // the next lower bit of the column: clear keeps the exponent, set takes 2^m minus it
    const out = new Uint32Array(2 * exponents.length);
    exponents.forEach((e, k) => {
      out[2 * k] = e;
      out[2 * k + 1] = 2 ** m - e;
    });
    return out;
  };
  for (let m = 1; m < bits; m++) {
    if (m > 1) exponents = next(m) as Uint32Array<ArrayBuffer>;
    // exponents of order 2^(m+2) below a quarter... up to half of it: all odd numbers below 2^m, in some order
    const values = oddMultiples(m + 2, 0);
    exponents.forEach((e, k) => (xs[2 ** (m - 1) + k] = values[(e - 1) / 2]!));
  }
  exponents = next(bits) as Uint32Array<ArrayBuffer>;
  const values = oddMultiples(bits + 1, 1);
  return { xs, ys: Uint32Array.from(exponents, (e) => values[(e - 1) / 2]!) };
}

const computed = new Map<number, { xs: Uint32Array; ys: Uint32Array }>();

/** Puts the twiddles of a code of 2^bits columns (bits >= 8) into the arena; the values are computed once per size. */
export function placeTwiddles(kernels: Kernels, bits: number): Twiddles {
  let tables = computed.get(bits);
  if (!tables) computed.set(bits, (tables = computeTables(bits)));
  const xs = kernels.arena.allocate(4 * tables.xs.length);
  const ys = kernels.arena.allocate(4 * tables.ys.length);
  kernels.words.set(tables.xs, xs >>> 2);
  kernels.words.set(tables.ys, ys >>> 2);
  return { xs, ys };
}
