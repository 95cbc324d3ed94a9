/**
 * e^x from additions and multiplications alone. IEEE 754 fixes their results to the last bit, while `Math.exp` differs between engines.
 *
 * x = k ln 2 + r with |r| <= ln 2 / 2; e^r is its Taylor polynomial of degree 13, whose error is below 2^-57. Relative error below
 * 2^-48 for |x| < 700 (a test says so); 0 below -700, and a RangeError above 700.
 */
export function exponential(x: number): number {
  if (x < -700) return 0;
  if (!(x <= 700)) throw new RangeError(`exponential: expected at most 700, got ${x}`);
  const k = Math.floor(x / LN_2 + 0.5);
  // k LN_2_HIGH is exact: the constant has 21 trailing zero bits.
  const r = x - k * LN_2_HIGH - k * LN_2_LOW;
  let sum = 1;
  for (let n = 13; n >= 1; n--) sum = 1 + (r / n) * sum;
  return scale(sum, k);
}

const LN_2 = 0.6931471805599453;
const LN_2_HIGH = 0.6931471803691238;
const LN_2_LOW = 1.9082149292705877e-10;

/** x 2^k, for results within the normal range. */
function scale(x: number, k: number): number {
  let result = x;
  let factor = k < 0 ? 0.5 : 2;
  for (let rest = Math.abs(k); rest > 0; rest >>= 1) {
    if (rest & 1) result *= factor;
    factor *= factor;
  }
  return result;
}
