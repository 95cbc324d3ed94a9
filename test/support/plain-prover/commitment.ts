/** Commitment and opening, the prover's half (README section 9): encoding by halving, Merkle tree, one code path for all levels. */
import { openingLevels, QUERY_GRINDING_BITS, rowCount, type Level } from '../../../wasm/parameters.ts';
import { columnPoint, factorsAt } from '../../../wasm/reference/circle.ts';
import { add, addBase, lift, multiply, multiplyBase, powers, scale, sum, ZERO, type K } from '../../../wasm/reference/field.ts';
import { eqTable, fold } from '../../../wasm/reference/multilinear.ts';
import { leafHash, multiproofSiblings, nodeHash } from '../../../wasm/reference/opening.ts';
import { plainRoundMessage } from './sumcheck.ts';
import type { ProofWriter } from './writer.ts';

const factorTables = new Map<number, number[][]>();

/** factors[t][J >> t'] of every column: factor 0 (y) by J, factor t >= 1 (pi^(t-1) x) by J >> t. */
function factorTable(codeBits: number, count: number): number[][] {
  let table = factorTables.get(codeBits);
  if (table === undefined) {
    table = Array.from({ length: codeBits }, () => []);
    for (let J = 0; J < 2 ** codeBits; J++) {
      factorsAt(columnPoint(J, codeBits), codeBits).forEach((factor, t) => {
        table![t]![J >> t] = factor;
      });
    }
    factorTables.set(codeBits, table);
  }
  return table.slice(0, count);
}

/**
 * The code word of a message of 2^c entries of F: f(x, y) = f0(x) + y f1(x), f0 and f1 of even and odd entries, then in the same way
 * g(x) = g0(pi(x)) + x g1(pi(x)). The value of the inner ones depends on J without its lowest bit.
 */
export function encode(message: readonly number[], codeBits: number): Uint32Array {
  const c = Math.log2(message.length);
  const factors = factorTable(codeBits, c);
  const level = (part: Uint32Array, t: number): Uint32Array => {
    const out = new Uint32Array(2 ** (codeBits - t));
    if (t === c) return out.fill(part[0]!);
    const even = level(everySecond(part, 0), t + 1);
    const odd = level(everySecond(part, 1), t + 1);
    for (let J = 0; J < out.length; J++) out[J] = addBase(even[J >> 1]!, multiplyBase(factors[t]![J]!, odd[J >> 1]!));
    return out;
  };
  return level(Uint32Array.from(message), 0);
}

function everySecond(part: Uint32Array, first: number): Uint32Array {
  const out = new Uint32Array(part.length / 2);
  for (let k = 0; k < out.length; k++) out[k] = part[2 * k + first]!;
  return out;
}

export interface Commitment {
  readonly length: number;
  readonly level: Level;
  readonly rows: readonly K[][];
  /** Words of each column. */
  readonly columns: readonly number[][];
  /** tree[h]: digests of height h above the leaves. */
  readonly tree: readonly Uint8Array[][];
  readonly root: Uint8Array;
}

/** Commits to a vector over F (level 0) or K (below). */
export function commit(vector: readonly K[], level: Level, isBase: boolean): Commitment {
  const width = 2 ** level.columnBits;
  const codeBits = level.columnBits + Math.log2(level.inverseRate);
  const rows = Array.from({ length: rowCount(vector.length, level) }, (_, i) =>
    Array.from({ length: width }, (_, j) => vector[i * width + j] ?? ZERO),
  );
  const coordinates = isBase ? [0] : [0, 1, 2, 3]; // the code is linear over F: each coordinate of K is encoded by itself
  const codewords = rows.flatMap((row) =>
    coordinates.map((k) =>
      encode(
        row.map((entry) => entry[k]!),
        codeBits,
      ),
    ),
  );
  const columns = Array.from({ length: 2 ** codeBits }, (_, J) => codewords.map((word) => word[J]!));
  const tree = [columns.map((column) => leafHash(column))];
  while (tree.at(-1)!.length > 1) {
    const below = tree.at(-1)!;
    tree.push(Array.from({ length: below.length / 2 }, (_, i) => nodeHash(below[2 * i]!, below[2 * i + 1]!)));
  }
  return { length: vector.length, level, rows, columns, tree, root: tree.at(-1)![0]! };
}

/** Commits to a vector over F by the first level of its parameters. */
export function commitVector(vector: readonly number[]): Commitment {
  return commit(vector.map(lift), openingLevels(vector.length)![0]!, true);
}

/** Opens a commitment of `commitVector` at a point. */
export function open(writer: ProofWriter, commitment: Commitment, point: readonly K[]): void {
  const levels = openingLevels(commitment.length)!;
  levels.forEach((level, l) => {
    const isLast = l === levels.length - 1;
    const codeBits = level.columnBits + Math.log2(level.inverseRate);
    const low = point.slice(0, level.columnBits);
    const weights = eqTable(point.slice(level.columnBits), 0, commitment.rows.length);
    const u = commitment.rows[0]!.map((_, j) => sum(weights.map((weight, i) => multiply(weight, commitment.rows[i]![j]!))));
    const below = isLast ? null : commit(u, levels[l + 1]!, false);
    if (below === null) writer.send('opening message', u);
    else writer.sendBytes('opening root', below.root);

    writer.grind('opening nonce', QUERY_GRINDING_BITS);
    const indices = writer.indices('opening columns', 2 ** codeBits, level.queries);
    writer.sendBase(
      'opening columns',
      indices.flatMap((J) => commitment.columns[J]!),
    );
    const siblings = multiproofSiblings(indices, codeBits).map(({ height, index }) => [...commitment.tree[height]![index]!]);
    writer.sendBytes('opening siblings', Uint8Array.from(siblings.flat()));
    if (below === null) return;

    const kappa = powers(writer.challenge('kappa'), indices.length + 1);
    let functional = eqTable(low, 0, u.length);
    indices.forEach((J, n) => {
      const row = factorsAt(columnPoint(J, codeBits), level.columnBits).reduce<K[]>(
        (products, factor) => [...products, ...products.map((product) => scale(factor, product))],
        [kappa[n + 1]!],
      );
      functional = functional.map((x, k) => add(x, row[k]!));
    });
    let vector: K[] = u;
    const next: K[] = [];
    for (let t = 0; t < level.columnBits; t++) {
      writer.send('opening round', plainRoundMessage(vector, functional));
      const r = writer.challenge('opening point');
      next.push(r);
      vector = fold(vector, r);
      functional = fold(functional, r);
    }
    writer.send('opening value', vector);
    commitment = below;
    point = next;
  });
}
