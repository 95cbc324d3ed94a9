import { describe, expect, it, test } from 'vitest';
import { circuitDigest } from '../../circuits/graph/encoding.ts';
import { decodeCircuitFile, encodeCircuitFile, fileKind, FileRefusal } from '../../circuits/graph/file.ts';
import {
  decodeProofFile,
  decodeRegistrationFile,
  encodeProofFile,
  encodeRegistrationFile,
  MAX_CONTEXT_BYTES,
  type ProofFile,
} from '../../circuits/graph/proof-file.ts';
import { CircuitRefusal } from '../../circuits/graph/refusal.ts';
import { decodeWeightsFile, encodeWeightsFile } from '../../circuits/graph/weights-file.ts';
import { committedNet, denseNet, featureNet } from '../support/circuits.ts';
import { damaged } from '../support/mutation.ts';
import { seededGenerator } from '../support/random.ts';

const CASES = 20_000;

const bytes = (length: number, seed: number): Uint8Array => {
  const random = seededGenerator(seed);
  return Uint8Array.from({ length }, () => Math.floor(random() * 256));
};

const proofFile: ProofFile = {
  circuit: bytes(32, 1),
  context: bytes(11, 2),
  inputs: [bytes(20, 3), bytes(1, 4)],
  outputs: [bytes(5, 5), Int32Array.of(-(2 ** 30), -1, 0, 2 ** 30)],
  proof: bytes(200, 6),
};
const registrationFile = { circuit: bytes(32, 7), proof: bytes(100, 8) };

const { circuit, weights } = featureNet();
const FORMATS: Readonly<Record<string, { files: readonly Uint8Array[]; again: (file: Uint8Array) => Uint8Array }>> = {
  circuit: {
    files: [encodeCircuitFile(circuit), encodeCircuitFile(denseNet().circuit), encodeCircuitFile(committedNet().circuit)],
    again: (file) => encodeCircuitFile(decodeCircuitFile(file)),
  },
  weights: {
    files: [encodeWeightsFile(weights), encodeWeightsFile([])],
    again: (file) => encodeWeightsFile(decodeWeightsFile(file)),
  },
  proof: { files: [encodeProofFile(proofFile)], again: (file) => encodeProofFile(decodeProofFile(file)) },
  registration: {
    files: [encodeRegistrationFile(registrationFile)],
    again: (file) => encodeRegistrationFile(decodeRegistrationFile(file)),
  },
};

describe.each(Object.entries(FORMATS))('a %s file', (kind, { files, again }) => {
  it('starts with VTAB, its kind and version 1', () => {
    for (const file of files) {
      expect(new TextDecoder().decode(file.subarray(0, 4))).toBe('VTAB');
      expect(file[5]).toBe(1);
      expect(fileKind(file)).toBe(kind);
    }
  });

  it('decodes to what encodes to the same bytes', () => {
    for (const file of files) expect(again(file)).toEqual(file);
  });

  it('is refused wherever it is cut, and with a byte too many', () => {
    const file = files[0]!;
    for (let end = 0; end < file.length; end += file.length > 4000 ? 37 : 1) expect(isRefused(() => again(file.slice(0, end)))).toBe(true);
    expect(isRefused(() => again(Uint8Array.of(...file, 0)))).toBe(true);
  });

  it.each(Object.entries(FORMATS).filter(([other]) => other !== kind))('is not taken from a %s file', (other, { files: others }) => {
    expect(() => again(others[0]!)).toThrow(`not a ${kind} file: expected kind`);
    expect(() => again(others[0]!)).toThrow(`(${other})`);
  });

  it('says what is wrong with its header', () => {
    const changed = (at: number, value: number): Uint8Array => files[0]!.with(at, value);
    expect(() => again(changed(0, 0x50))).toThrow(`not a ${kind} file: expected the first bytes 56 54 41 42 (VTAB), got 50 54 41 42`);
    expect(() => again(new Uint8Array(0))).toThrow('got no bytes');
    expect(() => again(changed(4, 99))).toThrow('got kind 99');
    expect(() => again(changed(5, 2))).toThrow('expected version 1, got version 2');
  });

  it(`is read or refused, never anything else, in ${CASES} damaged copies`, () => {
    const random = seededGenerator(20);
    let read = 0;
    for (let n = 0; n < CASES; n++) {
      const file = damaged(files[n % files.length]!, random);
      const refused = isRefused(() => {
        const written = again(file);
        expect(Buffer.compare(written, file)).toBe(0);
      });
      if (!refused) read++;
    }
    // Damage to a value is no damage to the format: both happened.
    expect(read).toBeGreaterThan(CASES / 100);
    expect(read).toBeLessThan(CASES);
  });
});

test('the files keep what they are given', () => {
  expect(circuitDigest(decodeCircuitFile(encodeCircuitFile(circuit)))).toEqual(circuitDigest(circuit));
  expect(decodeWeightsFile(encodeWeightsFile(weights))).toEqual(weights);
  expect(decodeProofFile(encodeProofFile(proofFile))).toEqual(proofFile);
  expect(decodeRegistrationFile(encodeRegistrationFile(registrationFile))).toEqual(registrationFile);
});

test("what is decoded from Node's buffers is plain and shares nothing with them", () => {
  const buffer = Buffer.from(encodeProofFile(proofFile));
  const decoded = decodeProofFile(buffer);
  buffer.fill(0);
  expect(decoded).toEqual(proofFile);
  expect(Object.getPrototypeOf(decoded.proof)).toBe(Uint8Array.prototype);
});

test('weights of -128 are neither written nor read', () => {
  const file = encodeWeightsFile([Int8Array.of(1, 2), Int8Array.of(3)]);
  expect(() => decodeWeightsFile(file.with(-1, 128))).toThrow('expected weights in -127..127, got -128 at position 0 of convolution 1');
  expect(() => encodeWeightsFile([Int8Array.of(-128)])).toThrow(FileRefusal);
});

test('what a proof file cannot hold is refused when it is written', () => {
  const refused: [Partial<ProofFile>, string][] = [
    [{ circuit: bytes(31, 0) }, 'a digest of 32 bytes'],
    [{ context: new Uint8Array(MAX_CONTEXT_BYTES + 1) }, 'a context of at most 65536 bytes, got 65537 bytes'],
    [{ inputs: [] }, '1..8 inputs'],
    [{ outputs: new Array<Uint8Array>(9).fill(bytes(1, 0)) }, '1..8 outputs'],
    [{ proof: new Uint8Array(2 ** 20 + 1) }, 'a proof of at most 1048576 bytes'],
  ];
  for (const [part, message] of refused) expect(() => encodeProofFile({ ...proofFile, ...part })).toThrow(message);
});

test('lists that stand for very many small things are refused before these are made', () => {
  const word = (n: number): number[] => [n & 255, (n >> 8) & 255, (n >> 16) & 255, n >>> 24];
  const file = (kind: number, start: readonly number[], count: number): Uint8Array =>
    Uint8Array.of(...new TextEncoder().encode('VTAB'), kind, 1, ...start, ...word(count), ...new Uint8Array(5 * count));
  const digestAndContext = new Array<number>(36).fill(0);
  expect(() => decodeProofFile(file(3, digestAndContext, 9))).toThrow('a list of 9 items, where at most 8 are allowed');
  expect(() => decodeProofFile(file(3, [...digestAndContext, ...word(1), ...word(0)], 9))).toThrow(
    'a list of 9 items, where at most 8 are allowed',
  );
  expect(() => decodeWeightsFile(file(2, [], 2 ** 13 + 1))).toThrow('a list of 8193 items, where at most 8192 are allowed');
  expect(decodeWeightsFile(encodeWeightsFile(new Array<Int8Array>(2 ** 13).fill(Int8Array.of(5))))).toHaveLength(2 ** 13);
  expect(() => encodeWeightsFile(new Array<Int8Array>(2 ** 13 + 1).fill(Int8Array.of(5)))).toThrow('at most 8192 convolutions, got 8193');
  const many = { ...circuit, inputs: Array.from({ length: 9 }, () => circuit.inputs[0]!), layers: [], outputs: [] };
  expect(() => decodeCircuitFile(encodeCircuitFile(many))).toThrow('a list of 9 items, where at most 8 are allowed');
});

test('a registration file of n bytes of proof has n + 42 bytes: VTAB, 5, 1, digest, n, proof', () => {
  const file = encodeRegistrationFile(registrationFile);
  const { circuit: digest, proof } = registrationFile;
  expect([...file]).toEqual([0x56, 0x54, 0x41, 0x42, 5, 1, ...digest, proof.length, 0, 0, 0, ...proof]);
  expect(file).toHaveLength(proof.length + 42);
});

function isRefused(read: () => unknown): boolean {
  try {
    read();
    return false;
  } catch (error) {
    if (error instanceof FileRefusal || error instanceof CircuitRefusal) return true;
    throw error;
  }
}
