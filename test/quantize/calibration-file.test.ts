/** Calibration inputs from files: what is read is what was written, and what does not fit is said. */
import { zipSync } from 'fflate';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CalibrationError, calibrationSamples } from '../../circuits/quantize/calibration.ts';
import { readCalibration, readLabels } from '../../circuits/quantize/calibration-file.ts';
import { readNpy } from '../../circuits/quantize/npy.ts';

const image = { name: 'image', dims: [1, 2, 3, 1] };
const mask = { name: 'mask', dims: [1, 2] };

/** An .npy file as NumPy writes it. */
function npy(descr: string, shape: readonly number[], data: Uint8Array, order = 'False'): Uint8Array {
  const dict = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${shape.join(', ')}${shape.length === 1 ? ',' : ''}), }`;
  const header = new TextEncoder().encode(dict.padEnd(117) + '\n');
  return Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length, 0, ...header, ...data);
}

const bytesOf = (values: Float32Array | Float64Array | BigInt64Array): Uint8Array => new Uint8Array(values.buffer);
const floats = (count: number): Float32Array => Float32Array.from({ length: count }, (_, k) => k / 8);
const text = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

describe('an .npy file', () => {
  test('holds samples along its first axis, with or without axes of length 1', () => {
    for (const shape of [
      [2, 2, 3, 1],
      [2, 1, 2, 3],
      [2, 2, 3],
      [2, 6],
    ])
      expect(readCalibration(npy('<f4', shape, bytesOf(floats(12))), [image])).toEqual([[floats(6)], [floats(12).slice(6)]]);
  });

  test('may hold one sample', () => {
    expect(readCalibration(npy('<f4', [1, 2, 3, 1], bytesOf(floats(6))), [image])).toEqual([[floats(6)]]);
    expect(readCalibration(npy('<f4', [2, 3], bytesOf(floats(6))), [image])).toEqual([[floats(6)]]);
  });

  test('may hold bytes, doubles, integers, and big-endian numbers', () => {
    expect([...readNpy('x', npy('|u1', [3], Uint8Array.of(1, 2, 255))).values]).toEqual([1, 2, 255]);
    expect([...readNpy('x', npy('|i1', [2], Uint8Array.of(1, 255))).values]).toEqual([1, -1]);
    expect([...readNpy('x', npy('<f8', [2], bytesOf(Float64Array.of(0.5, -3)))).values]).toEqual([0.5, -3]);
    expect([...readNpy('x', npy('<i8', [2], bytesOf(BigInt64Array.of(7n, -8n)))).values]).toEqual([7, -8]);
    expect([...readNpy('x', npy('>i2', [2], Uint8Array.of(1, 0, 255, 255))).values]).toEqual([256, -1]);
    expect(readNpy('x', npy('<f4', [], bytesOf(floats(1)))).shape).toEqual([]);
  });

  test('is refused in channels-last order, of another size, in Fortran order, with text, or cut', () => {
    const good = npy('<f4', [2, 2, 3], bytesOf(floats(12)));
    const refused = (bytes: Uint8Array): string => {
      try {
        readCalibration(bytes, [image], 'npy');
      } catch (error) {
        expect(error).toBeInstanceOf(CalibrationError);
        return (error as Error).message;
      }
      throw new Error('was read');
    };
    expect(refused(npy('<f4', [2, 3, 2], bytesOf(floats(12))))).toMatch('shape 2 x 3 x 2; for input image N x 2 x 3 x 1 is expected');
    expect(refused(npy('<f4', [2, 5], bytesOf(floats(10))))).toMatch('shape 2 x 5');
    expect(refused(npy('<f4', [2, 2, 3], bytesOf(floats(12)), 'True'))).toMatch('Fortran');
    expect(refused(npy('<U4', [2, 2, 3], bytesOf(floats(12))))).toMatch("'<U4'");
    expect(refused(good.subarray(0, -1))).toMatch('takes 48 bytes, the file has 47');
    expect(refused(good.subarray(0, 60))).toMatch('header');
    expect(refused(good.subarray(0, 9))).toMatch('header');
    expect(refused(Uint8Array.of(1, 2, 3))).toMatch('no .npy');
  });

  test('cannot hold several inputs', () => {
    expect(() => readCalibration(npy('<f4', [2, 2], bytesOf(floats(4))), [image, mask])).toThrow('use .npz');
  });
});

describe('an .npz file', () => {
  const images = npy('<f4', [2, 2, 3], bytesOf(floats(12)));
  const masks = npy('|u1', [2, 2], Uint8Array.of(1, 0, 0, 1));

  test('holds inputs by name, whatever their order, or in order where no name fits', () => {
    const expected = [
      [floats(6), Float32Array.of(1, 0)],
      [floats(12).slice(6), Float32Array.of(0, 1)],
    ];
    expect(readCalibration(zipSync({ 'mask.npy': masks, 'image.npy': images }), [image, mask])).toEqual(expected);
    expect(readCalibration(zipSync({ 'arr_0.npy': images, 'arr_1.npy': masks }), [image, mask])).toEqual(expected);
  });

  test('is refused where an input is missing, counts differ, or it is no archive', () => {
    expect(() => readCalibration(zipSync({ 'image.npy': images }), [image, mask])).toThrow('one array per input is expected: image, mask');
    const short = npy('|u1', [1, 2], Uint8Array.of(1, 0));
    expect(() => readCalibration(zipSync({ 'image.npy': images, 'mask.npy': short }), [image, mask])).toThrow(
      '1 samples of input mask, but 2',
    );
    expect(() => readCalibration(zipSync({ 'image.npy': images }).subarray(0, 60), [image])).toThrow(CalibrationError);
  });
});

describe('a JSON file', () => {
  const nested = [
    [
      [0, 1, 2],
      [3, 4, 5],
    ],
  ];

  test('holds nested lists, flat lists, or objects of inputs', () => {
    const values = Float32Array.of(0, 1, 2, 3, 4, 5);
    expect(readCalibration(text([nested, [0, 1, 2, 3, 4, 5]]), [image])).toEqual([[values], [values]]);
    expect(readCalibration(text([{ mask: [1, 0], image: nested }]), [image, mask])).toEqual([[values, Float32Array.of(1, 0)]]);
  });

  test('is refused where it is ragged, holds text, or has another shape', () => {
    expect(() => readCalibration(text([[[0, 1], [2]]]), [image])).toThrow('lists of 2 and of 1');
    expect(() => readCalibration(text([[0, 1, 'x']]), [image])).toThrow('"x" where a number');
    expect(() => readCalibration(text([[0, 1, 2]]), [image])).toThrow('shape 3; 1 x 2 x 3 x 1 is expected');
    expect(() => readCalibration(text([{ mask: [1, 0] }]), [image, mask])).toThrow('nothing where a number');
    expect(() => readCalibration(text([[1, 0]]), [image, mask])).toThrow('an object with their names');
    expect(() => readCalibration(new TextEncoder().encode('[1, 2'), [image])).toThrow('not JSON');
  });
});

test('raw files hold samples one after another', () => {
  const values = floats(16);
  expect(readCalibration(bytesOf(values), [image, mask], 'float32')).toEqual([
    [values.slice(0, 6), values.slice(6, 8)],
    [values.slice(8, 14), values.slice(14, 16)],
  ]);
  expect(readCalibration(Uint8Array.of(1, 2, 3, 4, 5, 255), [image], 'uint8')).toEqual([[Float32Array.of(1, 2, 3, 4, 5, 255)]]);
  expect(() => readCalibration(Uint8Array.of(1, 2, 3, 4, 5), [image], 'uint8')).toThrow('samples of 6 bytes (1 x 2 x 3 x 1); 5 bytes');
  expect(() => readCalibration(Uint8Array.of(1, 2, 3), [image])).toThrow('no .npy, .npz or JSON');
});

test('labels are whole numbers in a list', () => {
  expect(readLabels(text([3, 0, 9]))).toEqual(Int32Array.of(3, 0, 9));
  expect(readLabels(npy('<i8', [2], bytesOf(BigInt64Array.of(7n, 8n))))).toEqual(Int32Array.of(7, 8));
  expect(readLabels(Uint8Array.of(4, 5), 'uint8')).toEqual(Int32Array.of(4, 5));
  expect(() => readLabels(text([1.5]))).toThrow('with 1.5');
  expect(() =>
    readLabels(
      text([
        [1, 2],
        [3, 4],
      ]),
    ),
  ).toThrow('shape 2 x 2');
});

test('no bytes make the reader throw anything but its own error', () => {
  const starts = [
    npy('<f4', [2, 2, 3], bytesOf(floats(12))),
    zipSync({ 'image.npy': npy('<f4', [6], bytesOf(floats(6))) }),
    text([[[0, 1, 2]]]),
  ];
  const damage = fc.array(fc.tuple(fc.nat(300), fc.integer({ min: 0, max: 255 })), { maxLength: 6 });
  fc.assert(
    fc.property(fc.constantFrom(...starts), damage, fc.nat(300), (start, changes, cut) => {
      const bytes = start.slice(0, Math.max(1, start.length - Math.max(0, cut - 200)));
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
      try {
        readCalibration(bytes, [image]);
      } catch (error) {
        if (!(error instanceof CalibrationError)) throw error;
      }
    }),
    { numRuns: 3000, seed: 1 },
  );
});

test('a stated distribution gives the same inputs for the same seed, within its range', () => {
  const uniform = { kind: 'uniform', lo: -2, hi: 5, count: 50, seed: 3 } as const;
  const samples = calibrationSamples(uniform, [image, mask]);
  expect(samples).toEqual(calibrationSamples(uniform, [image, mask]));
  expect(samples).not.toEqual(calibrationSamples({ ...uniform, seed: 4 }, [image, mask]));
  const all = samples.flatMap((sample) => sample.flatMap((values) => [...values]));
  expect(all).toHaveLength(50 * 8);
  expect(Math.min(...all)).toBeGreaterThanOrEqual(-2);
  expect(Math.max(...all)).toBeLessThan(5);
  expect(Math.max(...all) - Math.min(...all)).toBeGreaterThan(6.5);
});

test('the normal distribution has its mean, deviation and tails', () => {
  const [sample] = calibrationSamples({ kind: 'normal', mean: 3, std: 2, count: 1, seed: 1 }, [{ name: 'x', dims: [1, 100_000] }]);
  const values = sample![0]!;
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
  const beyondTwo = values.reduce((n, v) => n + (Math.abs(v - 3) > 4 ? 1 : 0), 0) / values.length;
  expect(mean).toBeCloseTo(3, 1);
  expect(Math.sqrt(variance)).toBeCloseTo(2, 1);
  expect(beyondTwo).toBeGreaterThan(0.04);
  expect(beyondTwo).toBeLessThan(0.05);
});

test('calibration that does not fit the model is refused', () => {
  const sample = [floats(6)];
  expect(() => calibrationSamples({ kind: 'data', samples: [] }, [image])).toThrow('no calibration inputs');
  expect(() => calibrationSamples({ kind: 'data', samples: [sample, [floats(5)]] }, [image])).toThrow(
    'calibration input 1, image: 5 elements',
  );
  expect(() => calibrationSamples({ kind: 'data', samples: [sample] }, [image, mask])).toThrow('has 1 tensors, the model has 2');
  expect(() => calibrationSamples({ kind: 'data', samples: [[floats(6).fill(NaN, 2, 3)]] }, [image])).toThrow('element 2 is NaN');
  expect(() => calibrationSamples({ kind: 'uniform', lo: 1, hi: 1, count: 1, seed: 1 }, [image])).toThrow('lo < hi');
  expect(() => calibrationSamples({ kind: 'normal', mean: 1, std: 0, count: 1, seed: 1 }, [image])).toThrow('positive deviation');
  expect(() => calibrationSamples({ kind: 'uniform', lo: 0, hi: 1, count: 0, seed: 1 }, [image])).toThrow('at least 1');
});
