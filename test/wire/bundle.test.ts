/** A bundle decodes to what was encoded, and hostile bytes are refused with the one error. */
import { describe, expect, test } from 'vitest';
import { FileRefusal, fileKind } from '../../circuits/graph/file.ts';
import { decodeBundle, encodeBundle } from '../../server/wire/bundle.ts';
import { seededGenerator } from '../support/random.ts';
import { bundle } from './messages.ts';

const file = encodeBundle(bundle);

test('comes through, with a model and without', () => {
  expect(fileKind(file)).toBe('bundle');
  for (const own of [bundle, { ...bundle, artefacts: null }]) {
    expect(decodeBundle(encodeBundle(own))).toEqual(own);
    expect(encodeBundle(decodeBundle(encodeBundle(own)))).toEqual(encodeBundle(own));
  }
});

describe('is refused', () => {
  test('cut anywhere', () => {
    for (let length = 0; length < file.length; length++)
      expect(() => decodeBundle(file.subarray(0, length)), `${length} bytes`).toThrow(FileRefusal);
  });
  test('with bytes behind its end', () => expect(() => decodeBundle(Uint8Array.of(...file, 0))).toThrow('1 bytes follow the end'));
  test('with more or fewer slices than cuts ask for', () => {
    expect(() => encodeBundle({ ...bundle, cuts: [] })).toThrow('1 slices');
    expect(() => encodeBundle({ ...bundle, cuts: [1, 2] })).toThrow('3 slices');
  });
  test('with a crossing tensor where none is, and without where one is', () => {
    const [first, last] = bundle.slices;
    for (const slices of [
      [last!, last!],
      [first!, first!],
    ])
      expect(() => decodeBundle(encodeBundle({ ...bundle, slices }))).toThrow('a crossing tensor behind every slice but the last');
  });
  test('with more tensors or slices than there may be, before they are read', () => {
    const none = new Uint8Array(0);
    expect(() => decodeBundle(encodeBundle({ ...bundle, inputs: new Array<Uint8Array>(9).fill(none) }))).toThrow('at most 8 are allowed');
    expect(() => decodeBundle(encodeBundle({ ...bundle, outputs: new Array<Uint8Array>(9).fill(none) }))).toThrow('at most 8 are allowed');
    const [first, last] = bundle.slices;
    const many = {
      cuts: new Array<number>(64).fill(1),
      slices: [...new Array<typeof first>(64).fill(first), last!] as typeof bundle.slices,
    };
    expect(() => decodeBundle(encodeBundle({ ...bundle, ...many }))).toThrow('at most 64 are allowed');
  });
  test('with a key of another length', () =>
    expect(() => encodeBundle({ ...bundle, model: new Uint8Array(31) })).toThrow('a model digest of 32 bytes'));
});

test('changed bytes give another bundle with the same bytes, or the one error', () => {
  const random = seededGenerator(4);
  for (let round = 0; round < 20_000; round++) {
    const changed = file.slice();
    for (let n = 0; n <= random() * 3; n++) changed[Math.floor(random() * changed.length)] = Math.floor(random() * 256);
    try {
      expect(Buffer.from(encodeBundle(decodeBundle(changed))).equals(changed)).toBe(true);
    } catch (error) {
      if (!(error instanceof FileRefusal)) throw error;
    }
  }
});
