/**
 * The fields of the proof system, in plain numbers: F, integers modulo p = 2^31 - 1, and K = F[i]/(i^2 + 1)[u]/(u^2 - 2 - i), of about 2^124 elements. What is done a few thousand
 * times is done here; what is done millions of times is done by `wasm/kernels`. Source: README.md, section 1.
 */

/** The characteristic, 2^31 - 1. */
export const P = 0x7fffffff;

/** (a + b i) + (c + d i) u as [a, b, c, d], each canonical: an integer in 0 .. p - 1. */
export type K = readonly [number, number, number, number];

export const ZERO: K = [0, 0, 0, 0];
export const ONE: K = [1, 0, 0, 0];

/** The element of F that a safe integer of any sign stands for. */
export function baseFromInteger(n: number): number {
  if (!Number.isSafeInteger(n)) throw new RangeError(`${n} is not a safe integer`);
  const r = n % P;
  return r < 0 ? r + P : r === 0 ? 0 : r;
}

/** a + b in F. */
export function addBase(a: number, b: number): number {
  const s = a + b;
  return s >= P ? s - P : s;
}

/** a - b in F. */
export function subBase(a: number, b: number): number {
  return a >= b ? a - b : a - b + P;
}

/**
 * a b in F. The quotient by p, computed in floating point, is at most one off, and only where the remainder is within 2^12 of 0 or p; so the remainder, computed modulo 2^32, lies in
 * -2^12 .. p + 2^12.
 */
export function mulBase(a: number, b: number): number {
  const quotient = (a * b * (1 / P)) | 0;
  const r = (Math.imul(a, b) - Math.imul(quotient, P)) >>> 0;
  return r >= 0xc0000000 ? r - 0x80000001 : r >= P ? r - P : r;
}

/** a^-1 in F, as a^(p - 2). Throws a RangeError for 0. */
export function inverseBase(a: number): number {
  if (a === 0) throw new RangeError('0 has no inverse');
  let result = a;
  let square = a;
  // p - 2 has ones in bits 0 and 2 .. 30
  for (let bit = 1; bit < 31; bit++) {
    square = mulBase(square, square);
    if (bit !== 1) result = mulBase(result, square);
  }
  return result;
}

export function add(x: K, y: K): K {
  return [addBase(x[0], y[0]), addBase(x[1], y[1]), addBase(x[2], y[2]), addBase(x[3], y[3])];
}

export function sub(x: K, y: K): K {
  return [subBase(x[0], y[0]), subBase(x[1], y[1]), subBase(x[2], y[2]), subBase(x[3], y[3])];
}

export function neg(x: K): K {
  return sub(ZERO, x);
}

/**
 * The element of F that a sum of products stands for, below 2^65: `value` is the sum in floating point, at most 2^14.5 off, `low` the sum modulo 2^32. Dividing adds an error of 2^13 at most, so the quotient
 * by p is at most one off, and only where the remainder is within 2^15 of 0 or p, as in `mulBase`.
 */
function reduceSum(value: number, low: number): number {
  const r = (low - Math.imul(Math.floor(value * (1 / P)), P)) >>> 0;
  return r >= 0xc0000000 ? r - 0x80000001 : r >= P ? r - P : r;
}

/**
 * With A, B, C, D in F[i]: (A + B u)(C + D u) = A C + (2 + i) B D + (A D + B C) u. Products are summed before they are reduced: all that is rounded is below 2^65, so each of the at most eleven roundings
 * (six products, five sums) is at most 2^11.
 */
export function mul(x: K, y: K): K {
  const [a, b, c, d] = x;
  const [e, f, g, h] = y;
  const bd0 = c * g - d * h;
  const bd1 = c * h + d * g;
  const low0 = Math.imul(c, g) - Math.imul(d, h);
  const low1 = Math.imul(c, h) + Math.imul(d, g);
  return [
    reduceSum(a * e - b * f + (2 * bd0 - bd1), Math.imul(a, e) - Math.imul(b, f) + 2 * low0 - low1),
    reduceSum(a * f + b * e + (bd0 + 2 * bd1), Math.imul(a, f) + Math.imul(b, e) + low0 + 2 * low1),
    reduceSum(a * g - b * h + (c * e - d * f), Math.imul(a, g) - Math.imul(b, h) + Math.imul(c, e) - Math.imul(d, f)),
    reduceSum(a * h + b * g + (c * f + d * e), Math.imul(a, h) + Math.imul(b, g) + Math.imul(c, f) + Math.imul(d, e)),
  ];
}

/** k x for k in F. */
export function scale(k: number, x: K): K {
  return [mulBase(k, x[0]), mulBase(k, x[1]), mulBase(k, x[2]), mulBase(k, x[3])];
}

export function square(x: K): K {
  return mul(x, x);
}

/** x^-1; throws a RangeError for 0. (A + B u)^-1 = (A - B u) / n with n = A^2 - (2 + i) B^2 in F[i], and n^-1 = conjugate(n) / |n|^2. */
export function inverse(x: K): K {
  const [a, b, c, d] = x;
  const b0 = subBase(mulBase(c, c), mulBase(d, d));
  const b1 = mulBase(addBase(c, c), d);
  const n0 = subBase(subBase(mulBase(a, a), mulBase(b, b)), subBase(addBase(b0, b0), b1));
  const n1 = subBase(mulBase(addBase(a, a), b), addBase(b0, addBase(b1, b1)));
  const size = inverseBase(addBase(mulBase(n0, n0), mulBase(n1, n1)));
  const m0 = mulBase(n0, size);
  const m1 = mulBase(subBase(0, n1), size);
  return mul([a, b, subBase(0, c), subBase(0, d)], [m0, m1, 0, 0]);
}

/** x^n for a safe integer n >= 0. */
export function power(x: K, n: number): K {
  let result = ONE;
  let base = x;
  for (let rest = n; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = mul(result, base);
    base = mul(base, base);
  }
  return result;
}

/** 1, x, x^2, ..: n of them. */
export function powers(x: K, n: number): K[] {
  const result: K[] = [];
  let next = ONE;
  for (let k = 0; k < n; k++) {
    result.push(next);
    next = mul(next, x);
  }
  return result;
}

/** The element of K that a safe integer of any sign stands for. */
export function fromInteger(n: number): K {
  return [baseFromInteger(n), 0, 0, 0];
}

export function equal(x: K, y: K): boolean {
  return x[0] === y[0] && x[1] === y[1] && x[2] === y[2] && x[3] === y[3];
}

export function isZero(x: K): boolean {
  return equal(x, ZERO);
}

export function sum(values: readonly K[]): K {
  return values.reduce(add, ZERO);
}

/** Sum of x_k y_k; throws a RangeError where the lengths differ. */
export function dot(x: readonly K[], y: readonly K[]): K {
  if (x.length !== y.length) throw new RangeError(`a dot product of ${x.length} and ${y.length} elements`);
  return x.reduce((s, v, k) => add(s, mul(v, y[k]!)), ZERO);
}

/** Number of bits of n - 1, for n up to 2^32: the variables that index 0 .. n - 1 needs. */
export function bits(n: number): number {
  return n <= 1 ? 0 : 32 - Math.clz32(n - 1);
}

/** eq(z, start + k) for k < length: a table truncated to what is asked for. About one product an entry. Throws a RangeError where start + length > 2^(z.length). */
export function eqTable(z: readonly K[], start = 0, length = 2 ** z.length - start): K[] {
  const end = start + length;
  if (start < 0 || length < 0 || end > 2 ** z.length) throw new RangeError(`entries ${start} .. ${end - 1} of a table of 2^${z.length}`);
  const table: K[] = [];
  // the subtree of indices first .. first + 2^variables - 1, of which `value` is the product over the variables above
  const visit = (value: K, first: number, variables: number): void => {
    if (first >= end || first + 2 ** variables <= start) return;
    if (variables === 0) {
      table.push(value);
      return;
    }
    const high = mul(value, z[variables - 1]!);
    visit(sub(value, high), first, variables - 1);
    visit(high, first + 2 ** (variables - 1), variables - 1);
  };
  if (length > 0) visit(ONE, 0, z.length);
  return table;
}

/** eq(x, y) for two points: the product of x y + (1 - x)(1 - y). Throws a RangeError where the lengths differ. */
export function eqPoints(x: readonly K[], y: readonly K[]): K {
  if (x.length !== y.length) throw new RangeError(`eq of points of ${x.length} and ${y.length} variables`);
  return x.reduce((product, a, k) => {
    const b = y[k]!;
    const both = mul(a, b);
    return mul(product, add(add(both, both), sub(sub(ONE, a), b)));
  }, ONE);
}

/** The words of elements, four each, in order. */
export function toWords(values: readonly K[]): Uint32Array {
  const words = new Uint32Array(4 * values.length);
  values.forEach((v, k) => {
    words.set(v, 4 * k);
  });
  return words;
}

/** The element at `words[offset] ..`. Throws a RangeError for a word that is missing or not below p. */
export function fromWords(words: Uint32Array, offset = 0): K {
  const x = [words[offset], words[offset + 1], words[offset + 2], words[offset + 3]] as const;
  if (x.some((w) => w === undefined || w >= P)) throw new RangeError(`no canonical element of K at word ${offset}`);
  return x as K;
}

/** All elements of an array of words. Throws a RangeError where its length is no multiple of 4, or a word is not below p. */
export function elementsOf(words: Uint32Array): K[] {
  if (words.length % 4 !== 0) throw new RangeError(`${words.length} words are no elements of K`);
  return Array.from({ length: words.length / 4 }, (_, k) => fromWords(words, 4 * k));
}
