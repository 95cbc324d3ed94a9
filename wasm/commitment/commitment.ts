/**
 * Commitment to a vector and its recursive opening at a random point: one code path for all levels. Source: ../README.md, section 9.
 */
import { eqArray, dotIntegers, dotK, kArray, placeIntegers, type KArray } from '../field/karray.ts';
import { add, equal, eqPoints, mul, ONE, powers, scale, sub, type K } from '../field/qm31.ts';
import { foldQuads, productRound, quadVector, readQuad, roundValue } from '../claims/product.ts';
import { QUERY_GRINDING_BITS, rowCount, type Level } from '../parameters.ts';
import { JOBS } from '../runtime/jobs.ts';
import type { Kernels } from '../runtime/kernels.ts';
import { Refused } from '../statement/refused.ts';
import type { ProverTranscript, VerifierTranscript } from '../transcript/transcript.ts';
import { deriveKeyAt, placeKey } from '../transcript/hashing.ts';
import { columnFactors, placeTwiddles, type Twiddles } from './code.ts';
import { buildTree, multiproof, multiproofPositions, multiproofRoot, treeRoot, type MerkleTree } from './merkle.ts';

/** A committed vector at one level: words of F at the first level, a quad vector of K below. */
export interface Commitment {
  readonly root: Uint8Array;
  readonly vector: number;
  readonly levels: readonly Level[];
  /** Index of this commitment's level; 0 is over F. */
  readonly depth: number;
  readonly rows: number;
  readonly matrix: number;
  readonly tree: MerkleTree;
  readonly twiddles: Twiddles;
}

export const codeBits = (level: Level): number => level.columnBits + Math.log2(level.inverseRate);

/** Entries that the prover's vector must have room for, zero behind its end: whole rows. */
export function paddedLength(length: number, level: Level): number {
  return rowCount(length, level) * 2 ** level.columnBits;
}

function commitLevel(kernels: Kernels, vector: number, length: number, levels: readonly Level[], depth: number): Commitment {
  const level = levels[depth]!;
  const n = codeBits(level);
  const rows = rowCount(length, level);
  const words = depth === 0 ? rows : 4 * rows;
  const twiddles = placeTwiddles(kernels, n);
  const matrix = kernels.arena.allocate(4 * words * 2 ** n);
  const encode = (messages: number): void => {
    kernels.parallel(JOBS.encodeRows, [messages, matrix, level.columnBits, n, twiddles.xs, twiddles.ys], words, Math.max(1, 2 ** (14 - n)));
  };
  if (depth === 0) encode(vector);
  else {
    const mark = kernels.arena.mark();
    const size = 2 ** level.columnBits;
    const messages = kernels.arena.allocate(16 * rows * size);
    for (let row = 0; row < rows; row++)
      kernels.exports.splitCoordinates!(vector + 16 * row * size, size, messages + 16 * row * size, 4 * size);
    encode(messages);
    kernels.arena.release(mark);
  }
  const tree = buildTree(kernels, matrix, words, n);
  return { root: treeRoot(kernels, tree), vector, levels, depth, rows, matrix, tree, twiddles };
}

/** Commits to `length` words of F at `vector`, which are followed by zeros up to `paddedLength`. */
export function commitVector(kernels: Kernels, vector: number, length: number, levels: readonly Level[]): Commitment {
  return commitLevel(kernels, vector, length, levels, 0);
}

/** u = sum over rows of eq(z_hi, row) row, as a quad vector. */
function combineRows(kernels: Kernels, commitment: Commitment, high: readonly K[]): number {
  const { levels, depth, rows, vector } = commitment;
  const size = 2 ** levels[depth]!.columnBits;
  const u = quadVector(kernels, size);
  const mark = kernels.arena.mark();
  const weights = eqArray(kernels, high, 0, rows);
  if (depth === 0) {
    const limbs = kernels.arena.allocate(32 * rows);
    kernels.exports.splitUnsigned!(limbs, weights.address, rows);
    kernels.parallel(JOBS.contractPlanes, [vector, size, rows, limbs, u], size / 4, Math.max(1, Math.ceil(4096 / rows)));
  } else {
    kernels.parallel(JOBS.combineQuads, [vector, size / 4, weights.address, rows, u], size / 4, Math.max(1, Math.ceil(4096 / rows)));
  }
  kernels.arena.release(mark);
  return u;
}

/** The words of the opened columns, column after column. */
function readColumns(kernels: Kernels, { matrix, rows, depth, levels }: Commitment, indices: readonly number[]): Uint32Array {
  const words = depth === 0 ? rows : 4 * rows;
  const n = 2 ** codeBits(levels[depth]!);
  const out = new Uint32Array(words * indices.length);
  const memory = kernels.words;
  indices.forEach((j, k) => {
    for (let row = 0; row < words; row++) out[k * words + row] = memory[(matrix >>> 2) + row * n + j]!;
  });
  return out;
}

/** eq(z_lo, .) + sum_j kappa^j G_j as a quad vector: the functional of the recursive claim. `factors` are kappa^1, kappa^2, ... */
function recursiveFunctional(
  kernels: Kernels,
  commitment: Commitment,
  low: readonly K[],
  indices: readonly number[],
  factors: readonly K[],
): number {
  const level = commitment.levels[commitment.depth]!;
  const n = codeBits(level);
  const c = level.columnBits;
  const size = 2 ** c;
  const functional = quadVector(kernels, size);
  const mark = kernels.arena.mark();
  kernels.exports.kToQuads!(functional, 0, eqArray(kernels, low, 0, size).address, size);
  // the low stages of the transposed transform by tensor products, one per index; the rest densely
  const tensorBits = Math.max(2, Math.min(c, n - 7));
  const block = 2 ** tensorBits;
  const vectors = kernels.arena.allocate(16 * 2 ** n);
  kernels.exports.clear!(vectors, 16 * 2 ** n);
  const line = kernels.arena.allocate(4 * block);
  indices.forEach((j, k) => {
    kernels.words[line >>> 2] = 1;
    columnFactors(j, n, tensorBits).forEach((factor, i) => kernels.exports.doubleWords!(line, factor, 2 ** i));
    const start = 4 * block * Math.floor(j / block);
    for (let i = 0; i < 4; i++) kernels.exports.addScaledWords!(vectors + 4 * i * 2 ** n + start, line, factors[k]![i]!, block);
  });
  kernels.parallel(JOBS.transposeRows, [vectors, tensorBits, c, n, commitment.twiddles.xs], 4, 1);
  kernels.exports.addCoordinates!(functional, size, vectors, 4 * 2 ** n);
  kernels.arena.release(mark);
  return functional;
}

/** Opens a commitment at a point, all coordinates of which are challenges drawn after the commitment. */
export function openProve(kernels: Kernels, transcript: ProverTranscript, commitment: Commitment, point: readonly K[]): void {
  const { levels, depth } = commitment;
  const level = levels[depth]!;
  const c = level.columnBits;
  const size = 2 ** c;
  const low = point.slice(0, c);
  const mark = kernels.arena.mark();
  const u = combineRows(kernels, commitment, point.slice(c));
  const last = depth + 1 === levels.length;
  let below: Commitment | null = null;
  if (last) {
    const elements = kernels.arena.allocate(16 * size);
    kernels.exports.kFromQuads!(elements, u, 0, size);
    transcript.sendWords('opening message', kernels.words.slice(elements >>> 2, (elements >>> 2) + 4 * size));
  } else {
    below = commitLevel(kernels, u, size, levels, depth + 1);
    transcript.sendBytes('opening root', below.root);
  }
  transcript.grind('opening nonce', QUERY_GRINDING_BITS);
  const indices = transcript.indices('opening columns', 2 ** codeBits(level), level.queries);
  transcript.sendWords('opening columns', readColumns(kernels, commitment, indices));
  transcript.sendBytes('opening siblings', multiproof(kernels, commitment.tree, indices));
  if (below) {
    const factors = powers(transcript.challenge('kappa'), indices.length + 1).slice(1);
    const functional = recursiveFunctional(kernels, commitment, low, indices, factors);
    // u itself is still needed below: fold a copy
    const folded = quadVector(kernels, size);
    kernels.exports.copy!(folded, u, 16 * size);
    const next: K[] = [];
    for (let length = size; length > 1; length /= 2) {
      transcript.sendElements('opening round', productRound(kernels, folded, functional, length));
      const r = transcript.challenge('opening point');
      next.push(r);
      foldQuads(kernels, folded, length, r);
      foldQuads(kernels, functional, length, r);
    }
    const nextValue = readQuad(kernels, folded, 0);
    transcript.sendElements('opening value', [nextValue]);
    openProve(kernels, transcript, below, next);
  }
  kernels.arena.release(mark);
}

/** Digests of columns of `words` words each, in order, in the arena. */
function hashColumnsOf(kernels: Kernels, columns: Uint32Array, words: number, count: number): number {
  const leaves = kernels.arena.allocate(32 * count + 128);
  const mark = kernels.arena.mark();
  const key = placeKey(kernels, 'leaf');
  const data = placeIntegers(kernels, new Int32Array(columns.buffer, columns.byteOffset, columns.length));
  for (let k = 0; k < count; k++) deriveKeyAt(kernels, key, data + 4 * words * k, 4 * words, leaves + 32 * k, 32);
  kernels.arena.release(mark);
  return leaves;
}

/** The codeword of a message of K elements, one value per wanted column. */
function encodeAt(kernels: Kernels, message: KArray, level: Level, indices: readonly number[]): K[] {
  const n = codeBits(level);
  const mark = kernels.arena.mark();
  const quads = quadVector(kernels, message.length);
  kernels.exports.kToQuads!(quads, 0, message.address, message.length);
  const commitment = commitMessageRows(kernels, quads, level, n);
  const words = kernels.words;
  const values = indices.map((j): K => [0, 1, 2, 3].map((i) => words[(commitment >>> 2) + i * 2 ** n + j]!) as unknown as K);
  kernels.arena.release(mark);
  return values;
}

function commitMessageRows(kernels: Kernels, quads: number, level: Level, n: number): number {
  const size = 2 ** level.columnBits;
  const twiddles = placeTwiddles(kernels, n);
  const messages = kernels.arena.allocate(16 * size);
  const matrix = kernels.arena.allocate(16 * 2 ** n);
  kernels.exports.splitCoordinates!(quads, size, messages, 4 * size);
  kernels.parallel(JOBS.encodeRows, [messages, matrix, level.columnBits, n, twiddles.xs, twiddles.ys], 4, 4);
  return matrix;
}

/** Verifies an opening of the vector of `length` entries with this root. Throws `Refused`. */
export function openVerify(
  kernels: Kernels,
  transcript: VerifierTranscript,
  root: Uint8Array,
  length: number,
  levels: readonly Level[],
  point: readonly K[],
  value: K,
  depth = 0,
): void {
  const level = levels[depth]!;
  const c = level.columnBits;
  const n = codeBits(level);
  const low = point.slice(0, c);
  const rows = rowCount(length, level);
  const words = depth === 0 ? rows : 4 * rows;
  const last = depth + 1 === levels.length;
  const mark = kernels.arena.mark();
  let message: KArray | null = null;
  let below: Uint8Array | null = null;
  if (last) {
    message = kArray(kernels, transcript.receiveElements('opening message', 2 ** c));
    if (!equal(dotK(kernels, message, eqArray(kernels, low, 0, 2 ** c)), value))
      throw new Refused('opening message', 'the message does not have the claimed value');
  } else below = transcript.receiveBytes('opening root', 32);
  transcript.grind('opening nonce', QUERY_GRINDING_BITS);
  const indices = transcript.indices('opening columns', 2 ** n, level.queries);
  const columns = transcript.receiveWords('opening columns', words * indices.length);
  const siblings = transcript.receiveBytes('opening siblings', 32 * multiproofPositions(indices, n).length);
  const leaves = hashColumnsOf(kernels, columns, words, indices.length);
  const computed = multiproofRoot(kernels, leaves, indices, n, siblings);
  if (computed.some((byte, k) => byte !== root[k])) throw new Refused('Merkle root', 'the opened columns are not those of the commitment');
  const weights = eqArray(kernels, point.slice(c), 0, rows);
  const data = placeIntegers(kernels, new Int32Array(columns.buffer, columns.byteOffset, columns.length));
  const values = indices.map((_, k) =>
    depth === 0
      ? dotIntegers(kernels, weights, data + 4 * words * k)
      : dotK(kernels, weights, { address: data + 4 * words * k, length: rows }),
  );
  if (message) {
    const encoded = encodeAt(kernels, message, level, indices);
    if (encoded.some((v, k) => !equal(v, values[k]!))) throw new Refused('opened columns', 'a column is not that of the message');
    kernels.arena.release(mark);
    return;
  }
  const factors = powers(transcript.challenge('kappa'), indices.length + 1).slice(1);
  let claim = values.reduce((sum, v, k) => add(sum, mul(factors[k]!, v)), value);
  const next: K[] = [];
  for (let k = 0; k < c; k++) {
    const [a, q] = transcript.receiveElements('opening round', 2) as [K, K];
    const r = transcript.challenge('opening point');
    next.push(r);
    claim = roundValue(claim, a, q, r);
  }
  const nextValue = transcript.receiveElements('opening value', 1)[0]!;
  let functional = eqPoints(low, next);
  indices.forEach((j, k) => {
    const at = columnFactors(j, n, c).reduce((product, f, i) => mul(product, add(sub(ONE, next[i]!), scale(f, next[i]!))), ONE);
    functional = add(functional, mul(factors[k]!, at));
  });
  if (!equal(mul(functional, nextValue), claim)) throw new Refused('opening sumcheck', 'the recursive claim does not hold');
  kernels.arena.release(mark);
  openVerify(kernels, transcript, below!, 2 ** c, levels, next, nextValue, depth + 1);
}
