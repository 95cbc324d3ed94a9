/**
 * Committed weights: the vector W, its commitment, and the Merkle root that a circuit names. Source: ../README.md, sections 4 and 9; proof-system design, section 10.
 */
import type { Weights } from '../../circuits/graph/circuit.ts';
import { commitVector, paddedLength, type Commitment } from '../commitment/commitment.ts';
import { openingLevels, P } from '../parameters.ts';
import type { Kernels } from '../runtime/kernels.ts';
import { planeBits, type Layout } from '../statement/layout.ts';

/** The opening levels of the vector W. Throws `RangeError` where it is longer than can be committed to. */
export function weightLevels(layout: Layout): NonNullable<ReturnType<typeof openingLevels>> {
  const levels = openingLevels(layout.weightLength);
  if (!levels) throw new RangeError(`${layout.weightLength} weights are more than can be committed to`);
  return levels;
}

/**
 * Puts the vector W into the arena: base words, zero in all padding, whole rows of the first opening level.
 *
 * @param layout of a circuit with committed weights
 * @param weights by convolution, circuit order, each [c_out][c_in / groups][kernel row][kernel column]
 * @returns its address; plane (c_out, u, v) of a convolution's slot is the vector over c_in
 */
export function placeWeightVector(kernels: Kernels, layout: Layout, weights: Weights): number {
  if (weights.length !== layout.weightSlots.length)
    throw new RangeError(`weights of ${layout.weightSlots.length} convolutions expected, got ${weights.length}`);
  const room = paddedLength(layout.weightLength, weightLevels(layout)[0]!);
  const address = kernels.arena.allocate(4 * room);
  const start = address >>> 2;
  const words = kernels.words;
  words.fill(0, start, start + room);
  layout.weightSlots.forEach((slot, k) => {
    const own = weights[k]!;
    const inputs = slot.width;
    const taps = layout.convolutions.find((site) => site.index === k)!.term.kernel.reduce((a, b) => a * b, 1);
    if (own.length !== slot.channels * inputs)
      throw new RangeError(`convolution ${k}: ${slot.channels * inputs} weights expected, got ${own.length}`);
    const plane = 2 ** planeBits(slot);
    for (let channel = 0; channel < slot.channels; channel++) {
      const tap = channel % taps;
      const from = (channel - tap) * inputs + tap;
      const to = start + slot.offset + channel * plane;
      for (let c = 0; c < inputs; c++) {
        const w = own[from + c * taps]!;
        words[to + c] = w < 0 ? w + P : w;
      }
    }
  });
  return address;
}

/** Commits to the weights of a circuit. The commitment stays in the arena; its root is the circuit's `weightRoot`. */
export function commitWeights(kernels: Kernels, layout: Layout, weights: Weights): Commitment {
  return commitVector(kernels, placeWeightVector(kernels, layout, weights), layout.weightLength, weightLevels(layout));
}
