import { describe, expect, it } from 'vitest';
import { commitVector, openProve, openVerify, paddedLength } from '../../wasm/commitment/commitment.ts';
import { columnFactors, placeTwiddles } from '../../wasm/commitment/code.ts';
import { mulBase, type K } from '../../wasm/field/qm31.ts';
import { eqArray, dotIntegers } from '../../wasm/field/karray.ts';
import { OPENING_LEVELS, openingLevels, type Level } from '../../wasm/parameters.ts';
import { JOBS } from '../../wasm/runtime/jobs.ts';
import { vectorVariables } from '../../wasm/statement/layout.ts';
import { Refused } from '../../wasm/statement/refused.ts';
import { ProverTranscript, VerifierTranscript } from '../../wasm/transcript/transcript.ts';
import { loadKernels } from '../support/kernels.ts';
import { seededElements, seededGenerator, seededWord } from '../support/random.ts';

const kernels = await loadKernels();
const random = seededGenerator(4);

/** Proof of "the committed vector has value y at a point drawn after the commitment". */
function proveOpening(length: number, levels: readonly Level[], variables: number): { root: Uint8Array; proof: Uint8Array; value: K } {
  const padded = paddedLength(length, levels[0]!);
  const vector = kernels.arena.allocate(4 * padded);
  kernels.bytes.fill(0, vector, vector + 4 * padded);
  for (let k = 0; k < length; k++) kernels.words[(vector >>> 2) + k] = seededWord(random);
  const commitment = commitVector(kernels, vector, length, levels);
  const transcript = new ProverTranscript(kernels);
  transcript.absorb('root', commitment.root);
  const point = transcript.challenges('point', variables);
  const value = dotIntegers(kernels, eqArray(kernels, point, 0, length), vector);
  openProve(kernels, transcript, commitment, point);
  return { root: commitment.root, proof: transcript.proof(), value };
}

function verifyOpening(root: Uint8Array, length: number, levels: readonly Level[], variables: number, value: K, proof: Uint8Array): string {
  const transcript = new VerifierTranscript(kernels, proof);
  transcript.absorb('root', root);
  const point = transcript.challenges('point', variables);
  try {
    openVerify(kernels, transcript, root, length, levels, point, value);
    transcript.end();
    return 'ok';
  } catch (error) {
    if (error instanceof Refused) return error.check;
    throw error;
  }
}

describe('the code', () => {
  it('encodes unit vector k to the values of monomial k at the columns points', () => {
    for (const [c, n] of [
      [6, 8],
      [7, 10],
      [6, 10],
      [9, 11],
    ] as const) {
      const { xs, ys } = placeTwiddles(kernels, n);
      for (const k of [0, 1, 2, 3, 5, 2 ** (c - 1), 2 ** c - 1]) {
        const message = kernels.arena.allocate(4 * 2 ** c);
        kernels.words.fill(0, message >>> 2, (message >>> 2) + 2 ** c);
        kernels.words[(message >>> 2) + k] = 1;
        const out = kernels.arena.allocate(4 * 2 ** n);
        kernels.parallel(JOBS.encodeRows, [message, out, c, n, xs, ys], 1, 1);
        for (const column of [0, 1, 2, 3, 7, 100, 2 ** n - 1]) {
          const expected = columnFactors(column, n, c).reduce((product, f, i) => ((k >>> i) & 1 ? mulBase(product, f) : product), 1);
          expect(kernels.words[(out >>> 2) + column], `${c} ${n} ${k} ${column}`).toBe(expected);
        }
      }
    }
  });

  it('stands on distinct points of the circle', () => {
    const points = new Set(Array.from({ length: 256 }, (_, j) => columnFactors(j, 8, 2).join()));
    expect(points.size).toBe(256);
    for (let j = 0; j < 256; j++) {
      const [y, x] = columnFactors(j, 8, 2) as [number, number];
      expect((mulBase(x, x) + mulBase(y, y)) % 0x7fffffff).toBe(1);
    }
  });
});

describe('openings', () => {
  it.each([1, 64, 65, 1000, 5000, 150_000, 300_000])('of %d words with the real parameters are accepted', (length) => {
    const levels = openingLevels(length)!;
    const variables = vectorVariables(length);
    const { root, proof, value } = proveOpening(length, levels, variables);
    expect(verifyOpening(root, length, levels, variables, value, proof)).toBe('ok');
  });

  it('of three levels are accepted, and refused with any sampled byte changed, cut or extended', () => {
    const levels: Level[] = [
      { columnBits: 9, inverseRate: 4, queries: 20 },
      { columnBits: 7, inverseRate: 8, queries: 16 },
      { columnBits: 6, inverseRate: 8, queries: 12 },
    ];
    const length = 5000;
    const { root, proof, value } = proveOpening(length, levels, 13);
    expect(verifyOpening(root, length, levels, 13, value, proof)).toBe('ok');
    for (let k = 0; k < 300; k++) {
      const bad = proof.slice();
      bad[Math.floor(random() * bad.length)]! ^= 1 << Math.floor(random() * 8);
      expect(verifyOpening(root, length, levels, 13, value, bad)).not.toBe('ok');
    }
    expect(verifyOpening(root, length, levels, 13, value, proof.slice(0, -1))).toBe('proof length');
    expect(verifyOpening(root, length, levels, 13, value, Uint8Array.from([...proof, 0]))).toBe('proof length');
    expect(verifyOpening(root, length, levels, 13, seededElements(random, 1)[0]!, proof)).not.toBe('ok');
  });
});

describe('the parameter table', () => {
  it('opens enough columns: the product over queries is at most 2^-84 beyond unique decoding, and one fewer is not', () => {
    for (const [, levels] of OPENING_LEVELS) {
      for (const { columnBits, inverseRate, queries } of levels) {
        const n = inverseRate * 2 ** columnBits;
        const wrong = Math.floor((n - 2 ** columnBits - 1) / 2) + 1;
        let bits = 0;
        for (let i = 0; i < queries - 1; i++) bits -= Math.log2((n - wrong - i) / (n - i));
        expect(bits).toBeLessThan(84);
        bits -= Math.log2((n - wrong - queries + 1) / (n - queries + 1));
        expect(bits).toBeGreaterThanOrEqual(84);
      }
    }
  });
});
