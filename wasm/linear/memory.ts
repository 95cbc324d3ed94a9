/** What convolutions take of the kernels' memory: the allocations of convolution.ts and sumcheck.ts. */
import type { Convolution, LinearLayer } from '../../circuits/graph/circuit.ts';
import { planElements, planView, type PlannedForm } from '../claims/memory.ts';
import { foldScratchBytes, quadVectorBytes } from '../claims/product.ts';
import { bits } from '../field/qm31.ts';
import { elements, planEq, type MemoryPlan } from '../memory/parts.ts';
import { planeBits, type Layout, type Slot } from '../statement/layout.ts';

interface Site {
  readonly layer: LinearLayer;
  readonly term: Convolution;
}

/** Bytes from one output channel's weights to the next. */
function weightStride({ term }: Site): number {
  return 8 * Math.ceil(((term.operand.shape[0] / term.groups) * term.kernel[0] * term.kernel[1]) / 8);
}

/** The int8 weights of all convolutions. */
export function planWeights(plan: MemoryPlan, layout: Layout): void {
  for (const site of layout.convolutions) plan.take('weights', weightStride(site) * site.layer.shape[0] + 16);
}

function variablesOf({ term }: Site): number {
  return Math.max(1, bits(term.kernel[0]) + bits(term.kernel[1]) + bits(term.operand.shape[0]));
}

function planTables(plan: MemoryPlan, site: Site, threads: number): void {
  const { term, layer } = site;
  const [channels, height, width] = term.operand.shape;
  const [kh, kw] = term.kernel;
  plan.within(() => {
    if (channels === term.groups && term.groups > 1) plan.take('linear sumcheck', elements(channels * kh * kw));
    else {
      plan.take('linear sumcheck', 32 * Math.ceil(layer.shape[0] / term.groups / 2));
      plan.take('linear sumcheck', elements(weightStride(site)));
      plan.take('linear sumcheck', 256 * threads);
    }
  });
  plan.within(() => {
    plan.take('linear sumcheck', 128 * Math.ceil(width / 8));
    plan.take('linear sumcheck', elements(channels * height * kw));
    plan.take('linear sumcheck', elements(width));
  });
  plan.within(() => {
    plan.take('linear sumcheck', 16 * 2 ** variablesOf(site));
    plan.take('linear sumcheck', 16 * 2 ** variablesOf(site));
  });
}

/** The linear sumcheck; the arena is left as it was. */
export function planLinear(plan: MemoryPlan, layout: Layout, threads: number): void {
  plan.within(() => {
    const sizes = [...new Set(layout.convolutions.map(variablesOf))].sort((a, b) => b - a);
    for (const variables of sizes) {
      const members = layout.convolutions.filter((site) => variablesOf(site) === variables);
      plan.take('linear sumcheck', quadVectorBytes(members.length * 2 ** variables));
      plan.take('linear sumcheck', quadVectorBytes(members.length * 2 ** variables));
      for (const site of members) planTables(plan, site, threads);
    }
    for (const variables of sizes) {
      const members = layout.convolutions.filter((site) => variablesOf(site) === variables).length;
      if (layout.convolutions.length > 1) plan.touch('linear sumcheck', 16 * 2 ** variables);
      plan.touch('linear sumcheck', foldScratchBytes(threads, members * 2 ** variables));
    }
  });
}

/** The axes of a convolution's point. */
function planPoint(plan: MemoryPlan, site: Site): void {
  for (const length of [site.term.operand.shape[0], ...site.term.kernel]) planEq(plan, 'functionals', variablesOf(site), length);
}

/** The functionals of the convolutions' inputs, and their forms on the witness. */
export function planInputs(plan: MemoryPlan, layout: Layout): PlannedForm[] {
  return layout.convolutions.flatMap((site) => {
    planPoint(plan, site);
    planElements(plan, site.term.operand.shape[1], site.term.operand.shape[2]);
    return planView(plan, layout, site.term.operand);
  });
}

/** The functionals of committed weights, and their forms on W. */
export function planWeightForms(plan: MemoryPlan, layout: Layout): PlannedForm[] {
  return layout.convolutions.flatMap(({ index, ...site }) => {
    const { term, layer } = site;
    const slot = layout.weightSlots[index]!;
    planPoint(plan, site);
    planElements(plan, 1);
    const taps = term.kernel[0] * term.kernel[1];
    if (term.operand.shape[0] === term.groups) {
      planElements(plan, layer.shape[0], layer.shape[0] * taps);
      return [{ slot, dense: false }];
    }
    const channels = (layer.shape[0] / term.groups) * taps;
    return Array.from({ length: term.groups }, (_, g): PlannedForm => {
      planElements(plan, channels);
      const own: Slot = { ...slot, offset: slot.offset + g * channels * 2 ** planeBits(slot), channels };
      return { slot: own, dense: false };
    });
  });
}
