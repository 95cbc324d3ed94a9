/** What the lookup argument takes of the kernels' memory: the allocations of leaf-map.ts, leaves.ts, tree.ts, nodes.ts, numerators.ts and weights.ts. */
import { foldScratchBytes, quadVectorBytes } from '../claims/product.ts';
import { integers, planEq, type MemoryPlan } from '../memory/parts.ts';
import type { Layout } from '../statement/layout.ts';
import { leafGroups, type LeafGroups } from './leaf-map.ts';
import { capacityOf } from './nodes.ts';
import { ALIGNED, PLACED } from './numerators.ts';
import { treeHeight } from './tree.ts';
import { LOW } from './weights.ts';

/** The map of the leaves, as if some group of leaves were absent. */
export function planLeafMap(plan: MemoryPlan, layout: Layout): void {
  plan.take('leaf map', capacityOf(layout.leafLength) / 8);
  for (let groups = Math.ceil(layout.leafLength / 16); ; groups = Math.ceil(groups / 2)) {
    plan.take('leaf map', groups);
    if (groups <= 1) return;
  }
}

/** Weights of a layer's rounds. */
function planWeights(plan: MemoryPlan, variables: number, pairs: number, threads: number): void {
  const groups = Math.ceil(pairs / LOW) + 1;
  for (const bytes of [16 * variables, 16 * LOW, 16 * groups, Math.max(16 * LOW, 32 * groups + 32), 128 * threads])
    plan.take('lookup tree', bytes);
}

/** Vectors that two rounds fold to, in turn. */
function planBuffers(plan: MemoryPlan, pairs: number, vectors: number): void {
  for (const n of [pairs, Math.ceil(pairs / 2)]) for (let k = 0; k < vectors; k++) plan.take('lookup tree', 128 * Math.ceil(n / 8));
}

/** The numerators of the leaf layer: every vector that they are moved to while variables are bound. */
function planNumerators(plan: MemoryPlan, map: LeafGroups, variables: number, threads: number): void {
  const planPair = (length: number): void => {
    plan.take('lookup tree', quadVectorBytes(length));
    plan.take('lookup tree', quadVectorBytes(length));
  };
  const waiting = map.classes.map((planes) => {
    const templates = planes.shapes.map(({ height, width, runs }) => {
      plan.within(() => {
        for (const run of runs) planEq(plan, 'lookup tree', variables, run.planes);
      });
      if (height * width === 2 ** planes.bits) return false;
      planPair(2 ** (planes.bits - 1));
      plan.touch('lookup tree', 4 * Math.max(8, 2 ** planes.bits));
      return true;
    });
    return { planes, explicit: templates.filter(Boolean).length };
  });
  let length = Math.ceil((map.length - map.tail) / 2);
  let base = map.tail / 2;
  let bound = 0;
  planPair(length);
  const move = (start: number): void => {
    const to = PLACED * Math.floor(Math.min(start, base) / PLACED);
    const moved = base + length - to;
    planPair(moved);
    plan.touch('lookup tree', 16 * length);
    [length, base] = [moved, to];
  };
  const join = (): void => {
    const joining = waiting.at(-1);
    if (joining?.planes.bits !== bound + 1) return;
    waiting.pop();
    move(joining.planes.first);
  };
  move(base);
  join();
  while (bound < variables) {
    const template = Math.max(0, ...waiting.map(({ planes, explicit }) => (explicit ? 2 ** (planes.bits - 1 - bound) : 0)));
    plan.touch('lookup tree', foldScratchBytes(threads, Math.max(length, template)));
    length = Math.ceil(length / 2);
    base /= 2;
    bound += 1;
    if (base % ALIGNED) move(base);
    join();
  }
}

/** The lookup argument; the arena is left as it was. */
export function planLookups(plan: MemoryPlan, layout: Layout, threads: number): void {
  const map = leafGroups(layout);
  const capacity = capacityOf(map.length);
  const height = treeHeight(map.length);
  plan.within(() => {
    plan.take('lookup tree', 16 * capacity);
    plan.take('lookup tree', 4 * (capacity - (map.tail - (map.tail % 32)) + 8));
    for (const table of layout.tables) {
      plan.within(() => {
        plan.take('lookup tree', integers(table.first.length));
        plan.take('lookup tree', integers(table.second.length));
      });
    }
    const heights: { readonly mark: number; readonly length: number }[] = [];
    for (let k = 1; k < height; k++) {
      const length = Math.ceil((heights.at(-1)?.length ?? map.length) / 2);
      heights.push({ mark: plan.mark(), length });
      plan.take('lookup tree', 16 * capacityOf(length));
      plan.take('lookup tree', 16 * capacityOf(length));
    }
    const top = heights.pop();
    if (top) plan.release(top.mark);
    for (let k = 1; k < height; k++) {
      const own = heights.pop();
      const before = plan.mark();
      const pairs = Math.ceil((own?.length ?? map.length) / 4);
      planWeights(plan, k, pairs, threads);
      if (own) planBuffers(plan, pairs, 4);
      else {
        plan.take('lookup tree', 256 * threads);
        planBuffers(plan, pairs, 2);
        planNumerators(plan, map, k, threads);
      }
      plan.release(own?.mark ?? before);
    }
  });
}
