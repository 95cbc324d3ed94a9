import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  add,
  affineForm,
  call,
  clamp,
  constant,
  divide,
  evaluate,
  formula,
  multiply,
  power,
  scale,
  subtract,
  X,
  type Expression,
} from '../../circuits/onnx/expression.ts';
import { erf, roundHalfEven, sigmoid, softplus } from '../../circuits/onnx/scalar-functions.ts';

const half = fc.integer({ min: -8, max: 8 }).map((n) => n / 2);

/** An expression and the function that it should be. */
type Pair = readonly [Expression, (x: number) => number];

const { pair } = fc.letrec<{ pair: Pair }>((tie) => ({
  pair: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constant<Pair>([X, (x) => x]),
    half.map((c): Pair => [constant(c), () => c]),
    fc.tuple(tie('pair'), tie('pair')).map(([[a, f], [b, g]]): Pair => [add(a, b), (x) => f(x) + g(x)]),
    fc.tuple(tie('pair'), tie('pair')).map(([[a, f], [b, g]]): Pair => [subtract(a, b), (x) => f(x) - g(x)]),
    fc.tuple(tie('pair'), tie('pair')).map(([[a, f], [b, g]]): Pair => [multiply(a, b), (x) => f(x) * g(x)]),
    fc.tuple(tie('pair'), half).map(([[a, f], c]): Pair => [scale(a, c), (x) => c * f(x)]),
    fc.tuple(tie('pair'), fc.integer({ min: 0, max: 3 })).map(([[a, f], n]): Pair => [power(a, n), (x) => f(x) ** n]),
    fc.tuple(tie('pair'), half, half).map(([[a, f], low, high]): Pair => [clamp(a, low, high), (x) => Math.min(Math.max(f(x), low), high)]),
    tie('pair').map(([a, f]): Pair => [call('tanh', Math.tanh, [a]), (x) => Math.tanh(f(x))]),
    tie('pair').map(([a, f]): Pair => [divide(a, add(call('abs', Math.abs, [a]), constant(1))), (x) => f(x) / (1 + Math.abs(f(x)))]),
  ),
}));

const POINTS = [-3, -1, -0.3, 0, 0.125, 0.7, 2, 5];

describe('expressions', () => {
  test('keep the function that they are built as', () => {
    fc.assert(
      fc.property(pair, ([expression, f]) => {
        const value = evaluate(expression);
        for (const x of POINTS) {
          const expected = f(x);
          // Products of many factors leave the range where float32 constants say anything.
          if (Math.abs(expected) < 1e6) expect(Math.abs(value(x) - expected)).toBeLessThanOrEqual(1e-3 * Math.max(1, Math.abs(expected)));
        }
      }),
      { seed: 1, numRuns: 2000 },
    );
  });

  test('with the same text are the same function', () => {
    const seen = new Map<string, (x: number) => number>();
    fc.assert(
      fc.property(pair, ([expression]) => {
        const value = evaluate(expression);
        const known = seen.get(formula(expression)) ?? value;
        seen.set(formula(expression), value);
        for (const x of POINTS) expect(value(x)).toBe(known(x));
      }),
      { seed: 2, numRuns: 2000 },
    );
  });

  test('are written with the fewest digits that tell float32 numbers apart', () => {
    expect(formula(scale(X, 0.1))).toBe('0.1 * x');
    expect(formula(scale(X, 1 / 3))).toBe('0.33333334 * x');
    expect(formula(add(X, constant(-1e-20)))).toBe('x - 1e-20');
    expect(formula(subtract(constant(2), X))).toBe('-x + 2');
    expect(formula(constant(3))).toBe('3');
  });

  test('know the affine among them', () => {
    expect(affineForm(add(scale(X, 2), constant(1)))).toEqual({ scale: 2, offset: 1 });
    expect(affineForm(subtract(X, X))).toEqual({ scale: 0, offset: 0 });
    expect(affineForm(multiply(X, X))).toBeNull();
    expect(affineForm(clamp(X, 0, 1))).toBeNull();
  });

  test('of bounds of bounds are one bound', () => {
    expect(formula(clamp(clamp(X, 0, 10), -5, 6))).toBe('clip(0, 6)');
    expect(formula(clamp(clamp(X, 0, 1), 2, 3))).toBe('clip(2, 2)');
    expect(formula(clamp(X, -Infinity, Infinity))).toBe('x');
  });

  test('have no value where the operators have none', () => {
    const root = call('sqrt', Math.sqrt, [X]);
    expect(evaluate(subtract(root, root))(-1)).toBeNaN();
    expect(evaluate(clamp(root, 0, 1))(-1)).toBeNaN();
  });
});

describe('scalar functions', () => {
  test('the error function', () => {
    // Abramowitz & Stegun, table 7.1, and erfc for the tail.
    const table = [
      [0.1, 0.1124629160182849],
      [0.5, 0.5204998778130465],
      [1, 0.8427007929497149],
      [2, 0.9953222650189527],
      [3.5, 1 - 7.430983723414128e-7],
      [5, 1 - 1.5374597944280349e-12],
    ] as const;
    for (const [x, y] of table) {
      expect(Math.abs(erf(x) - y)).toBeLessThan(1e-15);
      expect(erf(-x)).toBe(-erf(x));
    }
    expect([erf(0), erf(40), erf(-Infinity)]).toEqual([0, 1, -1]);
    expect(erf(NaN)).toBeNaN();
  });

  test('do not overflow', () => {
    expect([sigmoid(-800), sigmoid(800), softplus(-800), softplus(800)]).toEqual([0, 1, 0, 800]);
  });

  test('halves are rounded to the even number', () => {
    expect([0.5, 1.5, 2.5, -1.5, -2.5, 2.4, 2.6].map(roundHalfEven)).toEqual([0, 2, 2, -2, -2, 2, 3]);
  });
});
