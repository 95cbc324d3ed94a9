/** What commitments and openings take of the kernels' memory: the allocations of commitment.ts, code.ts and merkle.ts. */
import { foldScratchBytes, quadVectorBytes } from '../claims/product.ts';
import { elements, planEq, type MemoryPart, type MemoryPlan } from '../memory/parts.ts';
import { rowCount, type Level } from '../parameters.ts';
import { codeBits } from './commitment.ts';

/** A message of some length on its way into the transcript. */
export function planMessage(plan: MemoryPlan, bytes: number): void {
  plan.touch('scratch', bytes + 512 + 704 + 32 * Math.ceil(bytes / 1024) + 128);
}

/** The commitment to a vector of `length` entries at a level; the vector itself is there already. */
export function planCommitment(
  plan: MemoryPlan,
  part: MemoryPart,
  length: number,
  levels: readonly Level[],
  depth: number,
  threads: number,
): void {
  const level = levels[depth]!;
  const n = codeBits(level);
  const rows = rowCount(length, level);
  const words = depth === 0 ? rows : 4 * rows;
  plan.take(part, 2 ** (n + 1));
  plan.take(part, 2 ** (n + 1));
  plan.take(part, 4 * words * 2 ** n);
  if (depth > 0) plan.touch(part, 16 * rows * 2 ** level.columnBits);
  for (let height = 0; height <= n; height++) plan.take(part, 32 * Math.max(4, 2 ** (n - height)));
  plan.touch('scratch', 2176 * threads + 128);
}

/** The most digests that a multiproof has: of a pair of nodes at most one is missing. */
function mostSiblings(queries: number, depth: number): number {
  let digests = 0;
  for (let height = 0; height < depth; height++) digests += Math.min(queries, 2 ** (depth - height - 1));
  return digests;
}

/** The opening of a committed vector of `length` entries, from level `depth` on. */
export function planOpening(
  plan: MemoryPlan,
  length: number,
  variables: number,
  levels: readonly Level[],
  depth: number,
  threads: number,
): void {
  const level = levels[depth]!;
  const n = codeBits(level);
  const size = 2 ** level.columnBits;
  const rows = rowCount(length, level);
  plan.within(() => {
    plan.take('opening', quadVectorBytes(size));
    plan.within(() => {
      planEq(plan, 'opening', variables - level.columnBits, rows);
      if (depth === 0) plan.take('opening', 32 * rows);
    });
    const last = depth + 1 === levels.length;
    if (last) {
      plan.take('opening', 16 * size);
      planMessage(plan, 16 * size);
    } else planCommitment(plan, 'opening', size, levels, depth + 1, threads);
    // grinding
    plan.touch('scratch', (2048 + 64) * threads);
    planMessage(plan, 4 * (depth === 0 ? rows : 4 * rows) * level.queries);
    planMessage(plan, 32 * mostSiblings(level.queries, n));
    if (last) return;
    plan.take('opening', quadVectorBytes(size));
    plan.within(() => {
      plan.within(() => {
        planEq(plan, 'opening', level.columnBits, size);
      });
      plan.take('opening', elements(size));
      plan.take('opening', 16 * 2 ** n);
      plan.take('opening', 4 * 2 ** Math.max(2, Math.min(level.columnBits, n - 7)));
    });
    plan.take('opening', quadVectorBytes(size));
    plan.touch('opening', foldScratchBytes(threads, size));
    planOpening(plan, size, level.columnBits, levels, depth + 1, threads);
  });
}
