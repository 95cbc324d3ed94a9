/**
 * The fields (README section 1), in numbers: F = integers modulo p = 2^31 - 1, K = F[i]/(i^2 + 1)[u]/(u^2 - 2 - i).
 *
 * An element of F is a number 0 .. p - 1; an element (a + b i) + (c + d i) u of K is the tuple [a, b, c, d]. Products of two words do not
 * fit a double, so one of them is split in halves of 16 bits. Every intermediate value stays below 2^53, where numbers are exact.
 */
import { P } from '../parameters.ts';

export type K = readonly [number, number, number, number];

export const ZERO: K = [0, 0, 0, 0];
export const ONE: K = [1, 0, 0, 0];

const TWO_31 = 2 ** 31;

/** x mod p for an integer 0 <= x < 2^53: 2^31 = 1, so the high part is added to the low one. */
export function reduce(x: number): number {
  const high = Math.floor(x / TWO_31);
  const sum = x - high * TWO_31 + high; // below 2^31 + 2^22 < 2 p
  return sum >= P ? sum - P : sum;
}

/** Any integer of magnitude below 2^53 as an element of F. */
export function fromInteger(x: number): number {
  return x >= 0 ? reduce(x) : (P - reduce(-x)) % P;
}

export function addBase(x: number, y: number): number {
  const sum = x + y;
  return sum >= P ? sum - P : sum;
}

export function subtractBase(x: number, y: number): number {
  return x >= y ? x - y : x - y + P;
}

export function multiplyBase(x: number, y: number): number {
  const high = reduce(x * (y >>> 16)); // x y = high 2^16 + low
  const low = x * (y & 0xffff);
  return reduce(high * 65536 + low);
}

/** 2^n in F, n >= 0. */
export function powerOfTwo(n: number): number {
  return 2 ** (n % 31);
}

/** An element of F as an element of K. */
export function lift(x: number): K {
  return [x, 0, 0, 0];
}

/** Any integer of magnitude below 2^53 as an element of K. */
export function integer(x: number): K {
  return lift(fromInteger(x));
}

export function isEqual(x: K, y: K): boolean {
  return x[0] === y[0] && x[1] === y[1] && x[2] === y[2] && x[3] === y[3];
}

export function isZero(x: K): boolean {
  return isEqual(x, ZERO);
}

export function add(x: K, y: K): K {
  return [addBase(x[0], y[0]), addBase(x[1], y[1]), addBase(x[2], y[2]), addBase(x[3], y[3])];
}

export function subtract(x: K, y: K): K {
  return [subtractBase(x[0], y[0]), subtractBase(x[1], y[1]), subtractBase(x[2], y[2]), subtractBase(x[3], y[3])];
}

export function negate(x: K): K {
  return subtract(ZERO, x);
}

/** The product in K. Cost: 16 base multiplications. */
export function multiply(x: K, y: K): K {
  const [a, b, c, d] = x;
  const [e, f, g, h] = y;
  // (A + B u)(C + D u) = A C + (2 + i) B D + (A D + B C) u, with A = a + b i, B = c + d i, C = e + f i, D = g + h i.
  const ac0 = subtractBase(multiplyBase(a, e), multiplyBase(b, f));
  const ac1 = addBase(multiplyBase(a, f), multiplyBase(b, e));
  const bd0 = subtractBase(multiplyBase(c, g), multiplyBase(d, h));
  const bd1 = addBase(multiplyBase(c, h), multiplyBase(d, g));
  return [
    reduce(ac0 + 2 * bd0 + (P - bd1)),
    reduce(ac1 + bd0 + 2 * bd1),
    reduce(multiplyBase(a, g) + (P - multiplyBase(b, h)) + multiplyBase(c, e) + (P - multiplyBase(d, f))),
    reduce(multiplyBase(a, h) + multiplyBase(b, g) + multiplyBase(c, f) + multiplyBase(d, e)),
  ];
}

/** k x for k in F (0 .. p - 1), x in K. */
export function scale(k: number, x: K): K {
  return [multiplyBase(k, x[0]), multiplyBase(k, x[1]), multiplyBase(k, x[2]), multiplyBase(k, x[3])];
}

/** n x for any integer n of magnitude below 2^53. */
export function times(n: number, x: K): K {
  return scale(fromInteger(n), x);
}

export function sum(xs: readonly K[]): K {
  return xs.reduce(add, ZERO);
}

/** sum of x_i y_i; the lists have one length. */
export function dot(xs: readonly K[], ys: readonly K[]): K {
  if (xs.length !== ys.length) throw new RangeError(`dot of ${xs.length} and ${ys.length} elements`);
  return xs.reduce((total, x, i) => add(total, multiply(x, ys[i]!)), ZERO);
}

/** 1, x, x^2, ..: n powers. */
export function powers(x: K, n: number): K[] {
  const out: K[] = [];
  for (let power = ONE; out.length < n; power = multiply(power, x)) out.push(power);
  return out;
}

/**
 * sum over i < elements.length of values[start + i] elements[i], for integers below 2^31 in magnitude that are not reduced.
 * Values of at most 8 bits, the common case, are summed exactly in doubles and reduced now and then: about 5 ns each.
 */
export function integerDot(values: ArrayLike<number>, start: number, elements: readonly K[]): K {
  let total = ZERO;
  for (let i = 0; i < elements.length;) {
    const end = Math.min(elements.length, i + 4096); // 4096 * 2^8 * 2^31 = 2^51
    let [a, b, c, d] = ZERO as [number, number, number, number];
    for (; i < end; i++) {
      const value = values[start + i]!;
      const x = elements[i]!;
      if (value >= -256 && value <= 256) {
        a += value * x[0];
        b += value * x[1];
        c += value * x[2];
        d += value * x[3];
      } else {
        total = add(total, times(value, x));
      }
    }
    total = add(total, [fromInteger(a), fromInteger(b), fromInteger(c), fromInteger(d)]);
  }
  return total;
}
