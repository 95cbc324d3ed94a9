/**
 * The code's points (README section 9): circle Reed-Solomon, column J of n is the value of the message polynomial at the point e G,
 * G = (2, 1268011823) times 2^31 / 2n, a generator of the points of order 2n on x^2 + y^2 = 1.
 */
import { P } from '../parameters.ts';
import { addBase, multiplyBase, subtractBase } from './field.ts';

export type Point = readonly [x: number, y: number];

const GENERATOR: Point = [2, 1268011823];

/** The group law: (x + i y) multiplicatively. */
export function addPoints([x, y]: Point, [v, w]: Point): Point {
  return [subtractBase(multiplyBase(x, v), multiplyBase(y, w)), addBase(multiplyBase(x, w), multiplyBase(y, v))];
}

/** k times a point, k >= 0. */
export function multiplyPoint(point: Point, k: number): Point {
  let result: Point = [1, 0];
  for (let doubled = point, left = k; left > 0; left = Math.floor(left / 2), doubled = addPoints(doubled, doubled)) {
    if (left % 2 === 1) result = addPoints(result, doubled);
  }
  return result;
}

/** e of column J of 2^codeBits columns: an odd number below 2n. */
export function columnExponent(J: number, codeBits: number): number {
  const n = 2 ** codeBits;
  let e = 1;
  for (let i = codeBits - 1; i >= 1; i--) if ((J >> i) % 2 === 1) e = n / 2 ** (i - 1) - e;
  return J % 2 === 1 ? 2 * n - e : e;
}

export function columnPoint(J: number, codeBits: number): Point {
  const generator = multiplyPoint(GENERATOR, 2 ** 31 / 2 ** (codeBits + 1));
  return multiplyPoint(generator, columnExponent(J, codeBits));
}

/** y, x, pi(x), pi(pi(x)), ..: `count` numbers, pi(x) = 2 x^2 - 1. Bit t of a message index selects number t. */
export function factorsAt([x, y]: Point, count: number): number[] {
  const factors = count > 0 ? [y] : [];
  for (let factor = x; factors.length < count; factor = doubled(factor)) factors.push(factor);
  return factors;
}

function doubled(x: number): number {
  const square = multiplyBase(x, x);
  return addBase(addBase(square, square), P - 1);
}
