/** What an execution takes of the kernels' memory: the allocations of forward.ts and operands.ts. */
import { shapeOf, size, type View } from '../../circuits/graph/circuit.ts';
import { paddedLength } from '../commitment/commitment.ts';
import { integers, type MemoryPlan } from '../memory/parts.ts';
import { openingLevels } from '../parameters.ts';
import type { Layout } from '../statement/layout.ts';
import { slotLength } from './forward.ts';
import { isWhole, rowStride } from './operands.ts';

/** Words that stay, as `zeroWords` takes them. */
function planWords(plan: MemoryPlan, part: 'witness' | 'execution', length: number): void {
  plan.take(part, 4 * length + 16);
}

function planOperand(plan: MemoryPlan, layout: Layout, view: View): void {
  const [channels, height, width] = view.shape;
  plan.take('execution', rowStride(width) * channels * height + 32);
  for (const part of view.parts) {
    plan.within(() => {
      if (part.kind === 'gather') {
        plan.take('execution', integers(part.index.length));
        return;
      }
      if (isWhole(part, view, shapeOf(layout.circuit, part.tensor))) return;
      for (const map of part.maps) plan.take('execution', integers(map.length));
    });
  }
}

/** The execution, all of which stays until the proof is made. */
export function planForward(plan: MemoryPlan, layout: Layout, threads: number): void {
  const { circuit } = layout;
  planWords(plan, 'witness', paddedLength(layout.witnessLength, openingLevels(layout.witnessLength)![0]!));
  for (const { shape } of circuit.inputs) plan.take('execution', size(shape) + 32);
  circuit.layers.forEach((layer, index) => {
    plan.take('execution', size(layer.shape) + 32);
    const slots = layout.layers[index];
    if (layer.kind === 'maximum') {
      if (slots?.kind !== 'maximum') throw new Error(`layer ${index} has no slots of a maximum`);
      planWords(plan, 'execution', slotLength(slots.leaves));
      planWords(plan, 'execution', slotLength(slots.leaves));
      planOperand(plan, layout, layer.a);
      planOperand(plan, layout, layer.b);
      return;
    }
    plan.take('execution', 4 * size(layer.shape) + 16);
    plan.take('execution', integers(layer.bias.length));
    for (const term of layer.terms) {
      planOperand(plan, layout, term.operand);
      if (term.kind === 'convolution') {
        const depthwise = term.groups > 1 && term.groups === term.operand.shape[0];
        const taps = (term.operand.shape[0] / term.groups) * term.kernel[0] * term.kernel[1];
        if (!depthwise) plan.touch('execution', 64 * Math.ceil(taps / 8) * threads + 64);
        continue;
      }
      plan.take('execution', integers(term.multiplier.length));
      if (term.kind === 'multiple') continue;
      plan.take('execution', integers(term.rowFactor.length));
      plan.take('execution', integers(term.columnFactor.length));
    }
    if (layer.kind === 'accumulate' || slots?.kind !== 'requantize') return;
    planWords(plan, 'execution', slotLength(slots.quotientLeaves));
    if (!layout.tensorSlots[circuit.inputs.length + index]) planWords(plan, 'execution', slotLength(slots.quotientLeaves));
    plan.touch('execution', circuit.tables[layer.table]!.values.length);
  });
}
