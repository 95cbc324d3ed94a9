/** Merkle trees over the columns of a matrix, and multiproofs. Source: ../README.md, section 9. */
import { JOBS } from '../runtime/jobs.ts';
import type { Kernels } from '../runtime/kernels.ts';
import { placeKey } from '../transcript/hashing.ts';

/** Groups of sixteen columns, and of four nodes, in a chunk of parallel work: some 10 microseconds of either. */
const COLUMN_GRAIN = 16;
const NODE_GRAIN = 32;

export interface MerkleTree {
  /** log2 of the number of leaves. */
  readonly depth: number;
  /** Addresses of the digests (32 bytes each), leaves first, root last. */
  readonly levels: readonly number[];
}

/** The tree of a matrix of `rows` <= 256 rows of 2^depth words, row after row; a leaf is the hash of a column. */
export function buildTree(kernels: Kernels, matrix: number, rows: number, depth: number): MerkleTree {
  const levels: number[] = [];
  for (let height = 0; height <= depth; height++) levels.push(kernels.arena.allocate(32 * Math.max(4, 2 ** (depth - height))));
  const mark = kernels.arena.mark();
  const leafKey = placeKey(kernels, 'leaf');
  const nodeKey = placeKey(kernels, 'node');
  const scratch = kernels.arena.allocate(2176 * kernels.threads);
  kernels.parallel(JOBS.hashColumns, [matrix, rows, 2 ** depth, leafKey, levels[0]!, scratch], 2 ** depth / 16, COLUMN_GRAIN);
  for (let height = 1; height <= depth; height++) {
    const groups = Math.ceil(2 ** (depth - height) / 4);
    kernels.parallel(JOBS.hashNodes, [levels[height - 1]!, nodeKey, levels[height]!, scratch], groups, NODE_GRAIN);
  }
  kernels.arena.release(mark);
  return { depth, levels };
}

export function treeRoot(kernels: Kernels, tree: MerkleTree): Uint8Array {
  const root = tree.levels[tree.depth]!;
  return kernels.bytes.slice(root, root + 32);
}

/** The siblings that cannot be computed from sorted, distinct leaf indices: (height, index), from the leaves up, left to right. */
export function multiproofPositions(indices: readonly number[], depth: number): (readonly [height: number, index: number])[] {
  const out: (readonly [number, number])[] = [];
  let known = indices;
  for (let height = 0; height < depth; height++) {
    const above: number[] = [];
    for (let k = 0; k < known.length; k++) {
      const index = known[k]!;
      if ((index & 1) === 0 && known[k + 1] === index + 1) k++;
      else out.push([height, (index ^ 1) >>> 0]);
      above.push(index >>> 1);
    }
    known = above;
  }
  return out;
}

/** The siblings of a multiproof, one after the other. */
export function multiproof(kernels: Kernels, tree: MerkleTree, indices: readonly number[]): Uint8Array {
  const positions = multiproofPositions(indices, tree.depth);
  const out = new Uint32Array(8 * positions.length);
  const words = kernels.words;
  let at = 0;
  for (const [height, index] of positions) {
    const from = (tree.levels[height]! >>> 2) + 8 * index;
    for (let k = 0; k < 8; k++) out[at++] = words[from + k]!;
  }
  return new Uint8Array(out.buffer);
}

/** The root that leaf digests (at `leaves`, 32 bytes each, in the order of the sorted indices) and siblings give. */
export function multiproofRoot(
  kernels: Kernels,
  leaves: number,
  indices: readonly number[],
  depth: number,
  siblings: Uint8Array,
): Uint8Array {
  const mark = kernels.arena.mark();
  const key = placeKey(kernels, 'node');
  const scratch = kernels.arena.allocate(640);
  const pairs = kernels.arena.allocate(64 * Math.max(4, indices.length) + 256);
  let digests = kernels.arena.allocate(32 * indices.length + 128);
  let next = kernels.arena.allocate(32 * indices.length + 128);
  kernels.bytes.copyWithin(digests, leaves, leaves + 32 * indices.length);
  let known = indices;
  let used = 0;
  for (let height = 0; height < depth; height++) {
    const above: number[] = [];
    const bytes = kernels.bytes;
    for (let k = 0; k < known.length; k++) {
      const index = known[k]!;
      const own = digests + 32 * k;
      const pair = pairs + 64 * above.length;
      if ((index & 1) === 0 && known[k + 1] === index + 1) {
        bytes.copyWithin(pair, own, own + 64);
        k++;
      } else {
        bytes.copyWithin(pair + 32 * (index & 1), own, own + 32);
        bytes.set(siblings.subarray(used, used + 32), pair + 32 * (1 - (index & 1)));
        used += 32;
      }
      above.push(index >>> 1);
    }
    kernels.parallel(JOBS.hashNodes, [pairs, key, next, scratch], Math.ceil(above.length / 4), above.length);
    [digests, next] = [next, digests];
    known = above;
  }
  const root = kernels.bytes.slice(digests, digests + 32);
  kernels.arena.release(mark);
  return root;
}
