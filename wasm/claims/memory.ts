/** What functionals and the batching sumcheck take of the kernels' memory: the allocations of forms.ts, lookup/claims.ts, reduce.ts and batching.ts. */
import { isIdentityMap, shapeOf, size, type LinearLayer, type Term, type View } from '../../circuits/graph/circuit.ts';
import { bits } from '../field/qm31.ts';
import { elements, integers, planEq, type MemoryPlan } from '../memory/parts.ts';
import { planeBits, type Layout, type Slot } from '../statement/layout.ts';
import { coversAny } from './forms.ts';
import { foldScratchBytes, quadVectorBytes } from './product.ts';

/** A functional on a slot, product or dense. */
export interface PlannedForm {
  readonly slot: Slot;
  readonly dense: boolean;
}

/** `count` vectors over K. */
export function planElements(plan: MemoryPlan, ...lengths: readonly number[]): void {
  for (const length of lengths) plan.take('functionals', elements(length));
}

/** The axes of a slot of a vector with so many variables. */
export function planSlotAxes(plan: MemoryPlan, slot: Slot, variables: number): void {
  for (const length of [slot.channels, slot.height, slot.width]) planEq(plan, 'functionals', variables, length);
}

/** A tensor's part in a functional: a form where it is committed. */
function planTensor(layout: Layout, tensor: number, dense: boolean): PlannedForm[] {
  const slot = layout.tensorSlots[tensor];
  return slot && !layout.publicTensors.has(tensor) ? [{ slot, dense }] : [];
}

/** What `addView` takes, and the forms that it makes. */
export function planView(plan: MemoryPlan, layout: Layout, view: View): PlannedForm[] {
  return view.parts.filter(coversAny).flatMap((part) => {
    const shape = shapeOf(layout.circuit, part.tensor);
    if (part.kind === 'axes') {
      part.maps.forEach((map, a) => {
        if (isIdentityMap(map, shape[a]!)) return;
        planElements(plan, shape[a]!);
        plan.take('functionals', integers(map.length));
      });
      return planTensor(layout, part.tensor, false);
    }
    planElements(plan, size(shape));
    plan.within(() => {
      planElements(plan, size(view.shape));
      plan.take('functionals', integers(part.index.length));
    });
    planElements(plan, 1);
    return planTensor(layout, part.tensor, true);
  });
}

function planDirectTerm(plan: MemoryPlan, layout: Layout, layer: LinearLayer, term: Term): PlannedForm[] {
  if (term.kind === 'convolution') return [];
  const [channels, height, width] = layer.shape;
  planElements(plan, channels);
  plan.take('functionals', integers(channels));
  if (term.kind === 'window-sum') {
    planElements(plan, height, width, term.operand.shape[1], term.operand.shape[2]);
    plan.take('functionals', integers(height));
    plan.take('functionals', integers(width));
  }
  return planView(plan, layout, term.operand);
}

/** The functionals of the lookup tree's claims and of the int32 outputs, and their forms on the witness. */
export function planClaims(plan: MemoryPlan, layout: Layout): PlannedForm[] {
  const { circuit } = layout;
  const variables = bits(layout.leafLength);
  const forms = circuit.layers.flatMap((layer, index) => {
    const slots = layout.layers[index];
    const own = planTensor(layout, circuit.inputs.length + index, false);
    if (layer.kind === 'maximum') {
      if (slots?.kind !== 'maximum') return [];
      planSlotAxes(plan, slots.leaves, variables);
      return [...own, ...planView(plan, layout, layer.a), ...planView(plan, layout, layer.b)];
    }
    const [channels, height, width] = layer.shape;
    if (slots?.kind === 'requantize') {
      planSlotAxes(plan, slots.quotientLeaves, variables);
      planElements(plan, channels);
      plan.take('functionals', channels);
      for (const slot of slots.limbLeaves) {
        planSlotAxes(plan, slot, variables);
        plan.take('functionals', integers(channels));
        planElements(plan, channels);
      }
    } else for (const length of [channels, height, width]) planEq(plan, 'functionals', bits(length), length);
    plan.touch('functionals', integers(layer.bias.length));
    const limbs = slots?.kind === 'requantize' ? slots.limbs.map((slot) => ({ slot, dense: false })) : [];
    return [...own, ...limbs, ...layer.terms.flatMap((term) => planDirectTerm(plan, layout, layer, term))];
  });
  const counts = layout.tables.map((table) => {
    planSlotAxes(plan, table.leaves, variables);
    plan.take('functionals', integers(table.first.length));
    plan.take('functionals', integers(table.second.length));
    return { slot: table.multiplicities, dense: false };
  });
  return [...forms, ...counts];
}

/** A vector of the batching sumcheck: its slots, the forms on it, its variables. */
export interface PlannedBatch {
  readonly slots: readonly Slot[];
  readonly forms: readonly PlannedForm[];
  readonly variables: number;
}

/** A slot's share of the slots of its plane size, while they are planes. */
function planPlane(plan: MemoryPlan, { slot, dense }: PlannedForm): void {
  const plane = 2 ** planeBits(slot);
  plan.within(() => {
    if (dense) {
      plan.take('batching', elements(size([slot.channels, slot.height, slot.width])));
      return;
    }
    plan.take('batching', elements(slot.width));
    plan.take('batching', elements(1));
    plan.take('batching', elements(slot.width));
  });
  if (!dense) plan.touch('batching', plane < 4 ? elements(plane) : 32 * slot.channels);
}

/** The slots of a plane size become entries of the dense pair, `upper` entries of which are there. Returns how many there are then. */
function planJoin(plan: MemoryPlan, { slots, forms }: PlannedBatch, planeSize: number, upper: number): number {
  const own = slots.filter((slot) => planeBits(slot) === planeSize);
  const planes = own.reduce((n, slot) => n + slot.channels, 0);
  plan.take('batching', quadVectorBytes(planes + upper));
  plan.take('batching', quadVectorBytes(planes + upper));
  plan.take('batching', elements(planes));
  for (const { slot } of forms) if (planeBits(slot) === planeSize) plan.touch('batching', elements(slot.channels) + 64);
  for (const slot of own) {
    plan.within(() => {
      plan.take('batching', elements(slot.channels));
      plan.within(() => {
        planEq(plan, 'batching', planeSize, 2 ** planeSize);
        if (planeSize >= 2) plan.take('batching', 32 * 2 ** planeSize);
      });
    });
  }
  if (upper > 0) plan.touch('batching', elements(upper));
  return planes + upper;
}

/** The batching sumcheck; the arena is left as it was. */
export function planBatches(plan: MemoryPlan, batches: readonly PlannedBatch[], threads: number): void {
  plan.within(() => {
    const states = batches.map((batch) => {
      const sizes = [...new Set(batch.slots.map(planeBits))].sort((a, b) => a - b);
      const classes = sizes.map((planeSize) => {
        const own = batch.forms.filter(({ slot }) => planeBits(slot) === planeSize);
        const length = own.reduce((n, { slot, dense }) => n + 2 ** planeSize * (dense ? slot.channels : 1), 0);
        if (planeSize > 0) {
          plan.take('batching', quadVectorBytes(length));
          plan.take('batching', quadVectorBytes(length));
          for (const form of own) planPlane(plan, form);
        }
        return { planeSize, length };
      });
      return { batch, classes, upper: 0 };
    });
    const rounds = Math.max(...batches.map(({ variables }) => variables));
    for (let round = 0; round <= rounds; round++) {
      for (const state of states) {
        const bound = round - (rounds - state.batch.variables);
        if (bound < 0) continue;
        for (const { planeSize, length } of state.classes) {
          if (planeSize === bound) state.upper = planJoin(plan, state.batch, planeSize, state.upper);
          if (planeSize > bound) plan.touch('batching', foldScratchBytes(threads, Math.ceil(length / 2 ** bound)));
        }
        plan.touch('batching', foldScratchBytes(threads, state.upper));
        state.upper = Math.ceil(state.upper / 2);
      }
    }
  });
}
