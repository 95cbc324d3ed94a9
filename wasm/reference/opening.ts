/** Commitment and opening (README section 9): recursive Ligero over the circle code. The verifier's half. */
import { openingLevels, QUERY_GRINDING_BITS, rowCount } from '../parameters.ts';
import { add, dot, isEqual, lift, multiply, ONE, powers, scale, subtract, sum, type K } from './field.ts';
import type { OpeningClaim } from './batching.ts';
import { columnPoint, factorsAt } from './circle.ts';
import { plainRound } from './linear.ts';
import { eqPoints, eqTable } from './multilinear.ts';
import { refuseUnless } from './refused.ts';
import { hash, type ProofReader } from './transcript.ts';

/** The hash of a column: its words, little endian. */
export function leafHash(words: readonly number[]): Uint8Array {
  const data = new DataView(new ArrayBuffer(4 * words.length));
  words.forEach((word, i) => data.setUint32(4 * i, word, true));
  return hash('leaf', new Uint8Array(data.buffer));
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return hash('node', left, right);
}

/** Siblings of a multiproof: from the leaves up, at each depth left to right, exactly what cannot be computed. `indices` ascending. */
export function multiproofSiblings(indices: readonly number[], depth: number): { height: number; index: number }[] {
  const siblings: { height: number; index: number }[] = [];
  let known = [...indices];
  for (let height = 0; height < depth; height++) {
    const have = new Set(known);
    for (const index of known) if (!have.has(index ^ 1)) siblings.push({ height, index: index ^ 1 });
    known = [...new Set(known.map((index) => index >> 1))];
  }
  return siblings;
}

/** The root of a tree of 2^depth leaves from some of them and the siblings of their multiproof. */
export function multiproofRoot(leaves: ReadonlyMap<number, Uint8Array>, depth: number, siblings: readonly Uint8Array[]): Uint8Array {
  let known = leaves;
  let used = 0;
  for (let height = 0; height < depth; height++) {
    const above = new Map<number, Uint8Array>();
    for (const [index, digest] of known) {
      if (above.has(index >> 1)) continue; // its left sibling has been here
      const sibling = known.get(index ^ 1) ?? siblings[used++]!;
      above.set(index >> 1, index % 2 === 0 ? nodeHash(digest, sibling) : nodeHash(sibling, digest));
    }
    known = above;
  }
  return known.get(0)!;
}

/** A message's code word at a point with these factors: variable t bound from (1, factor t). */
function encodedAt(message: readonly K[], factors: readonly number[]): K {
  let values = message;
  for (const factor of factors) {
    values = Array.from({ length: values.length / 2 }, (_, h) => add(values[2 * h]!, scale(factor, values[2 * h + 1]!)));
  }
  return values[0]!;
}

/** G~_j(z) = prod over t of (1 - z_t + z_t factor t). */
function encodingRowAt(factors: readonly number[], z: readonly K[]): K {
  return factors.reduce((product, factor, t) => multiply(product, add(subtract(ONE, z[t]!), scale(factor, z[t]!))), ONE);
}

/** Checks that a committed vector's multilinear extension has the claimed value. Every coordinate of the point must be a challenge. */
export function verifyOpening(reader: ProofReader, claim: OpeningClaim): void {
  const levels = openingLevels(claim.length)!;
  let { root, length, point, value } = claim;
  levels.forEach((level, l) => {
    const where = `level ${l} of the opening`;
    const isLast = l === levels.length - 1;
    const codeBits = level.columnBits + Math.log2(level.inverseRate);
    const rows = rowCount(length, level);
    const low = point.slice(0, level.columnBits);
    const rowWeights = eqTable(point.slice(level.columnBits), 0, rows);

    let message: K[] = [];
    let below = root;
    if (isLast) {
      message = reader.receive('opening message', 2 ** level.columnBits);
      const found = dot(message, eqTable(low, 0, message.length));
      refuseUnless(isEqual(found, value), 'opening message', `${where}: the message does not have the claimed value`);
    } else {
      below = reader.receiveDigests('opening root', 1)[0]!;
    }
    reader.grind('opening nonce', QUERY_GRINDING_BITS);
    const indices = reader.indices('opening columns', 2 ** codeBits, level.queries);

    const wordsPerColumn = l === 0 ? rows : 4 * rows;
    const words = reader.receiveBase('opening columns', wordsPerColumn * indices.length);
    const columns = indices.map((_, n) => words.slice(n * wordsPerColumn, (n + 1) * wordsPerColumn));
    const siblings = reader.receiveDigests('opening siblings', multiproofSiblings(indices, codeBits).length);
    const found = multiproofRoot(new Map(indices.map((J, n) => [J, leafHash(columns[n]!)])), codeBits, siblings);
    refuseUnless(
      found.every((byte, i) => byte === root[i]),
      'opening columns',
      `${where}: the columns are not those of the commitment`,
    );

    const combined = columns.map((column) => {
      const entry = (i: number): K => (l === 0 ? lift(column[i]!) : (column.slice(4 * i, 4 * i + 4) as unknown as K));
      return sum(rowWeights.map((weight, i) => multiply(weight, entry(i))));
    });
    const factors = indices.map((J) => factorsAt(columnPoint(J, codeBits), level.columnBits));
    if (isLast) {
      const differs = indices.findIndex((_, n) => !isEqual(encodedAt(message, factors[n]!), combined[n]!));
      refuseUnless(differs < 0, 'opening code', `${where}: column ${indices[differs] ?? ''} is not that of the message`);
      return;
    }

    const kappa = powers(reader.challenge('kappa'), indices.length + 1);
    let running = combined.reduce((total, y, n) => add(total, multiply(kappa[n + 1]!, y)), value);
    const next: K[] = [];
    for (let t = 0; t < level.columnBits; t++) {
      const [a, c] = reader.receive('opening round', 2) as [K, K];
      const r = reader.challenge('opening point');
      next.push(r);
      running = plainRound(running, a, c, r);
    }
    const nextValue = reader.receive('opening value', 1)[0]!;
    const functional = factors.reduce(
      (total, ofColumn, n) => add(total, multiply(kappa[n + 1]!, encodingRowAt(ofColumn, next))),
      eqPoints(low, next),
    );
    refuseUnless(
      isEqual(multiply(nextValue, functional), running),
      'opening sumcheck',
      `${where}: its rounds do not end in the value below`,
    );
    root = below;
    length = 2 ** level.columnBits;
    point = next;
    value = nextValue;
  });
}
