/** Known answers of the primitives that every implementation of format version 1 must share: what is asked, by seed, and two ways to answer. */
import { JOBS } from '../../wasm/runtime/jobs.ts';
import type { Kernels } from '../../wasm/runtime/kernels.ts';
import { placeTwiddles } from '../../wasm/commitment/code.ts';
import { multiproofPositions } from '../../wasm/commitment/merkle.ts';
import { inverse, mul, type K } from '../../wasm/field/qm31.ts';
import { columnPoint, factorsAt } from '../../wasm/reference/circle.ts';
import { addBase, multiply, multiplyBase } from '../../wasm/reference/field.ts';
import { multiproofSiblings } from '../../wasm/reference/opening.ts';
import { hash, Transcript, type HashContext } from '../../wasm/reference/transcript.ts';
import { deriveKey } from '../../wasm/transcript/hashing.ts';
import { ProverTranscript } from '../../wasm/transcript/transcript.ts';
import { plainGrind } from '../support/plain-prover/writer.ts';
import { seededElements, seededGenerator, seededWord } from '../support/random.ts';

/** What an implementation answers with. */
export interface Primitives {
  multiply(x: K, y: K): K;
  /** BLAKE3 in derive-key mode, context `veritab 1 <name>`: 32 bytes. */
  hash(context: HashContext, data: Uint8Array): Uint8Array;
  /** The code word of a message of 2^c entries in 2^codeBits columns. */
  encode(message: readonly number[], codeBits: number): number[];
  /** (height, index) of the siblings of a multiproof. */
  siblings(indices: readonly number[], depth: number): (readonly [number, number])[];
  transcript(): Pick<Transcript, 'absorb' | 'challenge' | 'indices'> & { grind(label: string, bits: number): number };
}

export const reference: Primitives = {
  multiply,
  hash,
  encode(message, codeBits) {
    return Array.from({ length: 2 ** codeBits }, (_, J) => {
      const factors = factorsAt(columnPoint(J, codeBits), Math.log2(message.length));
      const monomials = factors.reduce<number[]>((all, factor) => [...all, ...all.map((m) => multiplyBase(m, factor))], [1]);
      return message.reduce((sum, m, k) => addBase(sum, multiplyBase(m, monomials[k]!)), 0);
    });
  },
  siblings: (indices, depth) => multiproofSiblings(indices, depth).map(({ height, index }) => [height, index] as const),
  transcript() {
    const transcript = new Transcript();
    return {
      absorb: (label, data) => transcript.absorb(label, data),
      challenge: (label) => transcript.challenge(label),
      indices: (label, n, count) => transcript.indices(label, n, count),
      grind(label, bits) {
        const nonce = Number(plainGrind(transcript.state, bits));
        transcript.absorb(label, littleEndian(nonce));
        return nonce;
      },
    };
  },
};

function littleEndian(nonce: number): Uint8Array {
  const data = new Uint8Array(8);
  new DataView(data.buffer).setUint32(0, nonce, true);
  return data;
}

/** The kernels' answers. Their memory is not freed. */
export function fast(kernels: Kernels): Primitives {
  return {
    multiply: mul,
    hash: (context, data) => deriveKey(kernels, context, data),
    encode(message, codeBits) {
      const from = kernels.arena.allocate(4 * message.length);
      const to = kernels.arena.allocate(4 * 2 ** codeBits);
      const { xs, ys } = placeTwiddles(kernels, codeBits);
      kernels.words.set(message, from / 4);
      kernels.parallel(JOBS.encodeRows, [from, to, Math.log2(message.length), codeBits, xs, ys], 1, 1);
      return [...kernels.words.subarray(to / 4, to / 4 + 2 ** codeBits)];
    },
    siblings: multiproofPositions,
    transcript() {
      const transcript = new ProverTranscript(kernels);
      return {
        absorb: (label, data) => transcript.absorb(label, data),
        challenge: (label) => transcript.challenge(label),
        indices: (label, n, count) => transcript.indices(label, n, count),
        grind(label, bits) {
          transcript.grind(label, bits);
          return new DataView(transcript.proof().buffer).getUint32(0, true);
        },
      };
    },
  };
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const CONTEXTS: readonly HashContext[] = ['leaf', 'node', 'transcript', 'squeeze', 'grind', 'circuit', 'weights'];

/** All answers, as they stand in the file of vectors. */
export function answers(of: Primitives) {
  const random = seededGenerator(2026);
  const pairs = Array.from({ length: 16 }, () => seededElements(random, 2) as [K, K]);
  const messages = [6, 7].map((c) => ({ message: Array.from({ length: 2 ** c }, () => seededWord(random)), codeBits: c + 2 }));
  const indices = [[0], [3, 4], [0, 1, 2, 3], [1, 6, 7, 12, 15], Array.from({ length: 16 }, (_, i) => i)];
  const transcript = of.transcript();
  const log = [0, 4, 64, 200, 1, 1000, 3000].map((length) => {
    const data = Uint8Array.from({ length }, () => Math.floor(random() * 256));
    transcript.absorb('message', data);
    return { message: hex(data), alpha: transcript.challenge('alpha') };
  });
  return {
    multiply: pairs.map(([x, y]) => ({ x, y, product: of.multiply(x, y) })),
    hash: CONTEXTS.flatMap((context) =>
      [0, 64, 576, 1024, 1025, 3073].map((length) => ({
        context: `veritab 1 ${context}`,
        length,
        input: 'bytes i mod 251',
        hash: hex(
          of.hash(
            context,
            Uint8Array.from({ length }, (_, i) => i % 251),
          ),
        ),
      })),
    ),
    encode: messages.map(({ message, codeBits }) => ({ message, codeBits, columns: of.encode(message, codeBits) })),
    multiproof: indices.map((own) => ({ depth: 4, indices: own, siblings: of.siblings(own, 4) })),
    transcript: [
      ...log,
      { indices: 'columns', n: 64, count: 20, value: transcript.indices('columns', 64, 20) },
      { grind: 'nonce', bits: 10, nonce: transcript.grind('nonce', 10) },
      { alpha: transcript.challenge('alpha') },
    ],
  };
}

/** x times its inverse is 1: the fast field has one, the reference needs none. */
export const hasInverse = (x: K): boolean => String(mul(x, inverse(x))) === '1,0,0,0';
