/**
 * The prover's half of the lookup argument. Source: ../README.md, section 6.
 */
import type { K } from '../field/qm31.ts';
import type { Forward } from '../forward/forward.ts';
import type { Kernels } from '../runtime/kernels.ts';
import type { Layout } from '../statement/layout.ts';
import type { LookupChallenges } from './claims.ts';
import type { LeafMap } from './leaf-map.ts';
import { placeLeaves } from './leaves.ts';
import { proveTree, type TreeWriter } from './tree.ts';

/** Proves all lookups of an execution; returns the point of the claims on the leaves. The arena is left as it was. */
export function proveLookups(
  kernels: Kernels,
  transcript: TreeWriter,
  layout: Layout,
  map: LeafMap,
  forward: Forward,
  challenges: LookupChallenges,
): K[] {
  const mark = kernels.arena.mark();
  const point = proveTree(kernels, transcript, placeLeaves(kernels, layout, map, forward, challenges));
  kernels.arena.release(mark);
  return point;
}
