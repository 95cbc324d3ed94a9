/**
 * The prover's half of the lookup argument: fills the leaves from an execution and proves their tree. Source: ../README.md, section 6.
 */
import { scale, sub, type K } from '../field/qm31.ts';
import { kArray } from '../field/karray.ts';
import type { Forward } from '../forward/forward.ts';
import type { Kernels } from '../runtime/kernels.ts';
import { planeBits, type Layout, type Slot } from '../statement/layout.ts';
import type { LookupChallenges } from './claims.ts';
import { allocateNodes, type Nodes } from './tree-layers.ts';
import { proveTree, type TreeWriter } from './tree.ts';

/** Proves all lookups of an execution; returns the point of the claims on the leaves. The arena is left as it was. */
export function proveLookups(
  kernels: Kernels,
  transcript: TreeWriter,
  layout: Layout,
  forward: Forward,
  challenges: LookupChallenges,
): K[] {
  const mark = kernels.arena.mark();
  const point = proveTree(kernels, transcript, leavesOf(kernels, layout, forward, challenges));
  kernels.arena.release(mark);
  return point;
}

function leavesOf(kernels: Kernels, layout: Layout, forward: Forward, { alpha, gamma1, gamma2 }: LookupChallenges): Nodes {
  const leaves = allocateNodes(kernels, layout.leafLength);
  const fill = (slot: Slot, c: number, first: number, second: number, tag: number, counts: number): void => {
    const mark = kernels.arena.mark();
    const constants = kArray(kernels, [sub(alpha, scale(tag, gamma2)), gamma1]);
    const start = slot.offset + c * 2 ** planeBits(slot);
    kernels.exports.fillLeaves!(
      leaves.p,
      leaves.q,
      start,
      slot.height,
      slot.width,
      slot.columnBits,
      slot.rowBits,
      first,
      second,
      constants.address,
      counts,
    );
    kernels.arena.release(mark);
  };
  layout.layers.forEach((slots, index) => {
    if (!slots) return;
    const geometry = slots.kind === 'maximum' ? slots.leaves : slots.quotientLeaves;
    const plane = 2 ** planeBits(geometry);
    for (let c = 0; c < geometry.channels; c++) {
      const at = 4 * c * plane;
      if (slots.kind === 'maximum') {
        const { differences, gains } = forward.maxima[index]!;
        fill(geometry, c, differences + at, gains + at, slots.tag, 0);
        continue;
      }
      const { quotients, outputs } = forward.requantized[index]!;
      fill(geometry, c, quotients + at, outputs + at, slots.quotientTag, 0);
      slots.limbs.forEach((limb, k) => {
        fill(slots.limbLeaves[k]!, c, forward.witness + 4 * limb.offset + at, 0, slots.limbTags[k]![c]!, 0);
      });
    }
  });
  for (const table of layout.tables) {
    const mark = kernels.arena.mark();
    const first = kernels.arena.allocate(4 * table.first.length);
    const second = kernels.arena.allocate(4 * table.first.length);
    kernels.signed.set(table.first, first >>> 2);
    kernels.signed.set(table.second, second >>> 2);
    const constants = kArray(kernels, [sub(alpha, scale(table.tag, gamma2)), gamma1]);
    const { leaves: slot } = table;
    kernels.exports.fillLeaves!(
      leaves.p,
      leaves.q,
      slot.offset,
      1,
      slot.channels,
      0,
      0,
      first,
      second,
      constants.address,
      forward.witness + 4 * table.multiplicities.offset,
    );
    kernels.arena.release(mark);
  }
  return leaves;
}
