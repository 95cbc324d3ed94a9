import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  add,
  baseFromInteger,
  bits,
  dot,
  elementsOf,
  eqPoints,
  eqTable,
  equal,
  fromInteger,
  fromWords,
  inverse,
  inverseBase,
  isZero,
  mul,
  mulBase,
  neg,
  ONE,
  P,
  power,
  powers,
  scale,
  square,
  sub,
  sum,
  toWords,
  ZERO,
  type K,
} from '../../wasm/field/qm31.ts';

const word = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: P - 1 }) },
  { weight: 1, arbitrary: fc.constantFrom(0, 1, 2, P - 2, P - 1, 1 << 30, 0xffff, 0x10000) },
);
const element = fc.tuple(word, word, word, word) as fc.Arbitrary<K>;
const options = { seed: 31, numRuns: 300 };

/** The definition, in big integers, with no shortcut: products of polynomials in i and u, then i^2 = -1 and u^2 = 2 + i. */
function slowProduct(x: K, y: K): K {
  const r = [0n, 0n, 0n, 0n];
  const put = (i: number, u: number, value: bigint): void => {
    if (u === 2) {
      put(i, 0, 2n * value);
      put(i + 1, 0, value);
    } else if (i >= 2) put(i - 2, u, -value);
    else r[i + 2 * u]! += value;
  };
  for (let k = 0; k < 4; k++) for (let l = 0; l < 4; l++) put((k & 1) + (l & 1), (k >> 1) + (l >> 1), BigInt(x[k]!) * BigInt(y[l]!));
  const p = BigInt(P);
  return r.map((v) => Number(((v % p) + p) % p)) as unknown as K;
}

describe('F', () => {
  it('multiplies exactly', () => {
    fc.assert(
      fc.property(word, word, (a, b) => {
        expect(mulBase(a, b)).toBe(Number((BigInt(a) * BigInt(b)) % BigInt(P)));
      }),
      { seed: 31, numRuns: 5000 },
    );
  });

  it('multiplies exactly where the product is next to a multiple of p', () => {
    for (let a = 1; a < 2000; a++) {
      for (const near of [-2, -1, 0, 1, 2]) {
        const b = Math.floor((P * (a - 1)) / a) + near;
        if (b < 0 || b >= P) continue;
        expect(mulBase(a, b)).toBe(Number((BigInt(a) * BigInt(b)) % BigInt(P)));
        expect(mulBase(P - a, b)).toBe(Number((BigInt(P - a) * BigInt(b)) % BigInt(P)));
      }
    }
    const shifted = [1, 2, 3, 5, 7, 1023, 1 << 20, (1 << 30) + 1, P - 1];
    for (const a of shifted) {
      const inverted = inverseBase(a);
      for (let d = -3; d <= 3; d++) {
        const b = (((inverted + d) % P) + P) % P;
        expect(mulBase(a, b)).toBe(Number((BigInt(a) * BigInt(b)) % BigInt(P)));
      }
    }
  });

  it('takes integers of any sign, and none that is not safe', () => {
    expect(baseFromInteger(-1)).toBe(P - 1);
    expect(Object.is(baseFromInteger(-P), 0)).toBe(true);
    expect(baseFromInteger(Number.MAX_SAFE_INTEGER)).toBe(Number(BigInt(Number.MAX_SAFE_INTEGER) % BigInt(P)));
    expect(baseFromInteger(-Number.MAX_SAFE_INTEGER)).toBe(P - baseFromInteger(Number.MAX_SAFE_INTEGER));
    expect(() => baseFromInteger(2 ** 53)).toThrow(RangeError);
    expect(() => fromInteger(0.5)).toThrow(RangeError);
  });
});

describe('K', () => {
  it('multiplies as its definition says', () => {
    fc.assert(
      fc.property(element, element, (x, y) => {
        expect(mul(x, y)).toEqual(slowProduct(x, y));
        expect(square(x)).toEqual(slowProduct(x, x));
        expect(scale(y[0], x)).toEqual(slowProduct(x, [y[0], 0, 0, 0]));
      }),
      options,
    );
  });

  it('multiplies as its definition says where sums of products are largest, or next to a multiple of p', () => {
    const edges = [0, 1, P - 2, P - 1];
    const all = Array.from({ length: 4 ** 4 }, (_, n): K => [edges[n & 3]!, edges[(n >> 2) & 3]!, edges[(n >> 4) & 3]!, edges[n >> 6]!]);
    for (const x of all) for (const y of all) if (!equal(mul(x, y), slowProduct(x, y))) expect(mul(x, y)).toEqual(slowProduct(x, y));
    const near = fc.tuple(...[0, 1, 2, 3].map(() => fc.constantFrom(0, 1, 5, P - 3, P - 1))) as unknown as fc.Arbitrary<K>;
    fc.assert(
      fc.property(element, near, (x, z) => {
        fc.pre(!isZero(x));
        const y = mul(inverse(x), z);
        expect(slowProduct(x, y)).toEqual(z);
        expect(mul(x, y)).toEqual(z);
      }),
      { seed: 7, numRuns: 3000 },
    );
  });

  it('is a field', () => {
    fc.assert(
      fc.property(element, element, element, (x, y, z) => {
        expect(mul(x, add(y, z))).toEqual(add(mul(x, y), mul(x, z)));
        expect(sub(add(x, y), y)).toEqual(x);
        expect(isZero(add(x, neg(x)))).toBe(true);
        if (!isZero(x)) expect(mul(x, inverse(x))).toEqual(ONE);
      }),
      options,
    );
    expect(() => inverse(ZERO)).toThrow(RangeError);
  });

  it('takes powers', () => {
    fc.assert(
      fc.property(element, fc.integer({ min: 0, max: 40 }), (x, n) => {
        expect(powers(x, n + 1)[n]).toEqual(power(x, n));
        expect(powers(x, n)).toHaveLength(n);
      }),
      options,
    );
    const x: K = [3, 1, 4, 1];
    expect(power(x, 2 ** 40 + 1)).toEqual(
      mul(
        x,
        Array.from({ length: 40 }).reduce<K>((y) => square(y), x),
      ),
    );
  });

  it('has eq tables, truncated to any range', () => {
    fc.assert(
      fc.property(fc.array(element, { maxLength: 6 }), fc.nat(63), fc.nat(64), (z, a, b) => {
        const size = 2 ** z.length;
        const start = a % size;
        const length = b % (size - start + 1);
        const whole = Array.from({ length: size }, (_, k) => z.reduce((v, zt, t) => mul(v, (k >> t) & 1 ? zt : sub(ONE, zt)), ONE));
        expect(eqTable(z)).toEqual(whole);
        expect(eqTable(z, start, length)).toEqual(whole.slice(start, start + length));
        expect(sum(whole)).toEqual(ONE);
        const corner = z.map((_, t) => fromInteger((start >> t) & 1));
        expect(eqPoints(z, corner)).toEqual(whole[start]);
      }),
      { seed: 31, numRuns: 60 },
    );
    expect(() => eqTable([ONE], 1, 2)).toThrow(RangeError);
    expect(() => eqPoints([ONE], [])).toThrow(RangeError);
  });

  it('goes through words and back, and refuses words that are not canonical', () => {
    const values: K[] = [
      [1, 2, 3, P - 1],
      [0, 0, 0, 7],
    ];
    expect(elementsOf(toWords(values))).toEqual(values);
    expect(equal(fromWords(toWords(values), 4), values[1]!)).toBe(true);
    expect(() => fromWords(Uint32Array.of(0, 0, P, 0))).toThrow(RangeError);
    expect(() => fromWords(Uint32Array.of(0, 0, 0))).toThrow(RangeError);
    expect(() => elementsOf(Uint32Array.of(0, 0, 0, 0, 0))).toThrow(RangeError);
    expect(() => dot(values, [])).toThrow(RangeError);
  });

  it('counts the bits of an index', () => {
    expect([0, 1, 2, 3, 4, 5, 8, 9, 2 ** 31 + 1].map(bits)).toEqual([0, 0, 1, 2, 2, 3, 3, 4, 32]);
  });
});
