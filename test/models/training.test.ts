/** The parts of the built-in model's training, each against a plain definition. */
import { describe, expect, test } from 'vitest';
import * as fc from 'fast-check';
import { createDistortion } from '../../circuits/models/digits/training/distortion.ts';
import { exponential } from '../../circuits/models/digits/training/exponential.ts';
import { addRowProducts } from '../../circuits/models/digits/training/matrix.ts';
import { createNetwork, infer, learn, type Network, prepareLearning } from '../../circuits/models/digits/training/network.ts';
import { encodeOnnx } from '../../circuits/models/digits/training/onnx-file.ts';
import { createRandom, shuffle } from '../../circuits/models/digits/training/random.ts';
import { openModel } from '../../wasm/inference/node.ts';

test('the exponential agrees with Math.exp to 2^-48', () => {
  for (let x = -699.9; x <= 700; x += 0.37) expect(Math.abs(exponential(x) / Math.exp(x) - 1)).toBeLessThan(2 ** -48);
  expect([exponential(0), exponential(-701), exponential(-Infinity)]).toEqual([1, 0, 0]);
  expect(() => exponential(701)).toThrow(RangeError);
  expect(() => exponential(NaN)).toThrow(RangeError);
});

test('random numbers are those of sfc32, and are spread evenly', () => {
  // First outputs after the seed (0, 1, 0, counter 1) and twelve rounds, computed with 64-bit integers from the definition.
  const reference = sfc32(1);
  const random = createRandom(1);
  for (let i = 0; i < 100; i++) expect(random.uniform(0, 2 ** 32)).toBe(reference());

  const counts = new Int32Array(10);
  for (let i = 0; i < 100_000; i++) counts[random.below(10)]!++;
  // Five standard deviations of a binomial distribution.
  for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(5 * Math.sqrt(9_000));

  const order = Int32Array.from({ length: 50 }, (_, i) => i);
  shuffle(order, random);
  expect([...order]).not.toEqual([...order.toSorted()]);
  expect([...order.toSorted()]).toEqual(Array.from({ length: 50 }, (_, i) => i));
});

/** The definition of sfc32 in BigInt. */
function sfc32(seed: number): () => number {
  const mask = 0xffffffffn;
  let [a, b, c, counter] = [0n, BigInt(seed), 0n, 1n];
  const next = (): number => {
    const sum = (a + b + counter) & mask;
    counter = (counter + 1n) & mask;
    a = b ^ (b >> 9n);
    b = (c + (c << 3n)) & mask;
    c = (((c << 21n) | (c >> 11n)) + sum) & mask;
    return Number(sum);
  };
  for (let i = 0; i < 12; i++) next();
  return next;
}

test('products of rows are sums in order, added to what is there', () => {
  const size = fc.integer({ min: 1, max: 9 });
  fc.assert(
    fc.property(size, size, size, fc.integer(), (rows, columns, depth, seed) => {
      const random = createRandom(seed);
      const draw = (length: number): Float64Array => Float64Array.from({ length }, () => random.uniform(-1, 1));
      const [a, b, c] = [draw(rows * depth), draw(columns * depth), draw(rows * columns)];
      const expected = c.map((before, i) => {
        let sum = 0;
        for (let k = 0; k < depth; k++) sum += a[Math.floor(i / columns) * depth + k]! * b[(i % columns) * depth + k]!;
        return before + sum;
      });
      addRowProducts(a, b, c, rows, columns, depth);
      expect([...c]).toEqual([...expected]);
    }),
  );
});

describe('a small network', () => {
  const plan = [
    { channels: 3, kernel: 3, stride: 2, pad: 1 },
    { channels: 5, kernel: 3, stride: 1, pad: 0 },
    { channels: 4, kernel: 2, stride: 1, pad: 0 },
  ];
  const side = 8;

  function smallNetwork(): Network {
    const random = createRandom(3);
    const network = createNetwork(side, plan, random);
    for (const layer of network.layers) layer.bias.forEach((_, i) => (layer.bias[i] = random.uniform(-0.5, 0.5)));
    network.image.forEach((_, i) => (network.image[i] = random.uniform(0, 1)));
    return network;
  }

  test('has the gradient that differences of the loss give, in every parameter', () => {
    const network = smallNetwork();
    const [label, smoothing] = [2, 0.1];
    const loss = (): number => {
      const logits = infer(network);
      const logSum = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
      return logits.reduce((sum, logit, i) => sum + (logSum - logit) * (smoothing / 4 + (i === label ? 1 - smoothing : 0)), 0);
    };
    prepareLearning(network);
    learn(network, label, smoothing);
    for (const { weights, weightGradient, bias, biasGradient } of network.layers) {
      for (const [values, gradient] of [
        [weights, weightGradient],
        [bias, biasGradient],
      ] as const) {
        values.forEach((value, i) => {
          const step = 1e-6;
          values[i] = value + step;
          const above = loss();
          values[i] = value - step;
          const below = loss();
          values[i] = value;
          expect(Math.abs((above - below) / (2 * step) - gradient[i]!)).toBeLessThan(1e-7);
        });
        // A gradient that is 0 everywhere would prove nothing.
        expect(Math.max(...gradient.map(Math.abs))).toBeGreaterThan(1e-3);
      }
    }
  });

  test('gives in ONNX Runtime, from its file and bytes as input, the logits that it gives here', async () => {
    const network = smallNetwork();
    const bytes = Uint8Array.from({ length: side * side }, (_, i) => (37 * i) % 256);
    bytes.forEach((byte, i) => (network.image[i] = byte / 255));
    const expected = infer(network);

    const file = encodeOnnx(network, { model: 'small', description: '', input: 'x', output: 'y', labels: ['a', 'b', 'c', 'd'] });
    const session = await openModel(file, ['y']);
    const { y } = await session.run({ x: { dims: [1, 1, side, side], data: Float32Array.from(bytes) } });
    await session.close();
    expect(y!.dims).toEqual([1, 4]);
    y!.data.forEach((logit, i) => expect(Math.abs(logit - expected[i]!)).toBeLessThan(1e-5));
  });
});

describe('a distortion', () => {
  const side = 28;
  const none = { shift: 0, stretch: 0, rotation: 0, slant: 0, elastic: 0 };
  const image = Uint8Array.from({ length: side * side }, (_, i) => (91 * i) % 256);

  test('with all ranges 0 changes nothing', () => {
    const target = new Float64Array(side * side);
    createDistortion(side, none).apply(image, target, createRandom(1));
    expect([...target]).toEqual([...image].map((byte) => byte / 255));
  });

  test('that only shifts moves a blurred point within its range, and keeps its mass', () => {
    const point = new Uint8Array(side * side);
    point[14 * side + 14] = 255;
    const target = new Float64Array(side * side);
    const distortion = createDistortion(side, { ...none, shift: 2 });
    const random = createRandom(2);
    for (let round = 0; round < 50; round++) {
      distortion.apply(point, target, random);
      let [mass, row, column] = [0, 0, 0];
      target.forEach((value, i) => {
        mass += value;
        row += value * Math.floor(i / side);
        column += value * (i % side);
      });
      expect(mass).toBeCloseTo(1, 12);
      expect(Math.abs(row - 14)).toBeLessThan(2);
      expect(Math.abs(column - 14)).toBeLessThan(2);
    }
  });

  test('stays between 0 and 1, and leaves nothing of an image that is moved away', () => {
    const target = new Float64Array(side * side);
    const random = createRandom(4);
    createDistortion(side, { shift: 3, stretch: 0.2, rotation: 0.3, slant: 0.3, elastic: 6 }).apply(image, target, random);
    expect(Math.min(...target)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...target)).toBeLessThanOrEqual(1);
    expect(Math.max(...target)).toBeGreaterThan(0.5);

    const away = { uniform: () => 2 * side, below: () => 0 };
    createDistortion(side, none).apply(image, target, away);
    expect(Math.max(...target)).toBe(0);
  });
});
