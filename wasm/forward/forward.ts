/**
 * The integer model run by the kernels, and the witness that it fills. The same integers as `circuits/execute`, which tests compare it with.
 */
import { convolutions, type Convolution, type LinearLayer, type Requantize } from '../../circuits/graph/circuit.ts';
import { paddedLength } from '../commitment/commitment.ts';
import { placeIntegers } from '../field/karray.ts';
import type { OperandRows, WeightRows } from '../linear/convolution.ts';
import { openingLevels } from '../parameters.ts';
import { JOBS } from '../runtime/jobs.ts';
import type { Kernels } from '../runtime/kernels.ts';
import { planeBits, type Layout, type LookupTable, type RequantizeSlots, type Slot } from '../statement/layout.ts';
import type { Output } from '../statement/statement.ts';
import { placeOperand, type TensorBytes } from './operands.ts';

/** What the argument needs of an execution. All vectors are in padded plane geometry: entry (c, i, j) at c * plane + i * 2^columnBits + j, padding 0. */
export interface Forward {
  /** The vector w: layout.witnessLength words. */
  readonly witness: number;
  /** Per requantise layer: int32 quotients and the words of y. */
  readonly requantized: readonly ({ readonly quotients: number; readonly outputs: number } | null)[];
  /** Per maximum layer: int32 a - b and m - b. */
  readonly maxima: readonly ({ readonly differences: number; readonly gains: number } | null)[];
  /** Per convolution, by the circuit's order. */
  readonly operands: readonly OperandRows[];
  /** By output of the circuit. */
  readonly outputs: readonly Output[];
}

/** Entries of a slot, padding included. */
export function slotLength(slot: Slot): number {
  return slot.channels * 2 ** planeBits(slot);
}

function zeroWords(kernels: Kernels, length: number): number {
  const address = kernels.arena.allocate(4 * length + 16);
  kernels.exports.clear!(address, 4 * length + 16);
  return address;
}

function convolve(
  kernels: Kernels,
  layer: LinearLayer,
  term: Convolution,
  operand: OperandRows,
  weights: WeightRows,
  accumulators: number,
): void {
  const [outputs, outHeight, outWidth] = layer.shape;
  const [channels, height, width] = term.operand.shape;
  const perGroup = outputs / term.groups;
  const window = [...term.kernel, ...term.stride, ...term.dilation, ...term.pad, outHeight, outWidth];
  if (term.groups > 1 && term.groups === channels) {
    const args = [operand.address, operand.rowStride, height, width, perGroup, ...window, weights.address, weights.stride, accumulators];
    kernels.parallel(
      JOBS.convolveDepthwise,
      args,
      outputs,
      Math.max(1, Math.ceil(65536 / (outHeight * outWidth * term.kernel[0] * term.kernel[1]))),
    );
    return;
  }
  const mark = kernels.arena.mark();
  const scratch = kernels.arena.allocate(8 * weights.stride * kernels.threads + 64);
  const args = [
    operand.address,
    operand.rowStride,
    height,
    width,
    channels / term.groups,
    ...window,
    weights.address,
    weights.stride,
    perGroup,
    term.groups,
    accumulators,
    scratch,
  ];
  kernels.parallel(
    JOBS.convolve,
    args,
    Math.ceil((outHeight * outWidth) / 4),
    Math.max(1, Math.ceil(65536 / (4 * weights.stride * outputs))),
  );
  kernels.arena.release(mark);
}

/** bias + sum of terms, dense int32. Operands of convolutions are kept in `operands`. */
function accumulate(
  kernels: Kernels,
  layout: Layout,
  layer: LinearLayer,
  tensors: readonly (TensorBytes | null)[],
  firstConvolution: number,
  weights: readonly WeightRows[],
  operands: OperandRows[],
  accumulators: number,
): void {
  const [channels, height, width] = layer.shape;
  const perPosition = layer.bias.length !== channels;
  const bias = placeIntegers(kernels, layer.bias);
  kernels.exports.fillBias!(accumulators, bias, channels, height * width, perPosition ? 1 : 0);
  let convolution = firstConvolution;
  for (const term of layer.terms) {
    const operand = placeOperand(kernels, layout.circuit, term.operand, tensors, true);
    if (term.kind === 'convolution') {
      operands[convolution] = operand;
      convolve(kernels, layer, term, operand, weights[convolution]!, accumulators);
      convolution += 1;
      continue;
    }
    const multiplier = placeIntegers(kernels, term.multiplier);
    if (term.kind === 'multiple') {
      kernels.exports.addMultiple!(accumulators, operand.address, operand.rowStride, multiplier, channels, height, width);
      continue;
    }
    const rowFactor = placeIntegers(kernels, term.rowFactor);
    const columnFactor = placeIntegers(kernels, term.columnFactor);
    const [, operandHeight, operandWidth] = term.operand.shape;
    const window = [operandHeight, operandWidth, ...term.kernel, ...term.stride, ...term.pad, height, width];
    kernels.exports.addWindowSum!(
      accumulators,
      operand.address,
      operand.rowStride,
      multiplier,
      rowFactor,
      columnFactor,
      channels,
      ...window,
    );
  }
}

function requantize(
  kernels: Kernels,
  layout: Layout,
  layer: Requantize,
  slots: RequantizeSlots,
  own: Slot | null,
  accumulators: number,
  dense: number,
  forward: { witness: number },
): { quotients: number; outputs: number } {
  const [channels, height, width] = layer.shape;
  const geometry = slots.quotientLeaves;
  const plane = 2 ** planeBits(geometry);
  const quotients = zeroWords(kernels, slotLength(geometry));
  const outputs = own ? forward.witness + 4 * own.offset : zeroWords(kernels, slotLength(geometry));
  const table = layout.circuit.tables[layer.table]!;
  const mark = kernels.arena.mark();
  const values = kernels.arena.allocate(table.values.length);
  kernels.bytes.set(table.values, values);
  const byTag = new Map<number, LookupTable>(layout.tables.map((t) => [t.tag, t]));
  const countsOf = (tag: number): number => forward.witness + 4 * byTag.get(tag)!.multiplicities.offset;
  const counts = countsOf(slots.quotientTag);
  const limb = (k: number, c: number): [number, number] => {
    const slot = slots.limbs[k];
    return slot ? [forward.witness + 4 * (slot.offset + c * plane), countsOf(slots.limbTags[k]![c]!)] : [0, 0];
  };
  for (let c = 0; c < channels; c++) {
    const at = 4 * c * plane;
    kernels.exports.requantizeChannel!(
      accumulators + 4 * c * height * width,
      height,
      width,
      geometry.columnBits,
      layer.shift[c]!,
      table.first,
      values,
      counts,
      dense + c * height * width,
      outputs + at,
      quotients + at,
      slots.limbs.length,
      ...limb(0, c),
      ...limb(1, c),
    );
  }
  kernels.arena.release(mark);
  return { quotients, outputs };
}

/** Runs the circuit on `inputs` (checked by the caller), with weights in memory; see `Forward`. All results stay in the arena. */
export function runForward(kernels: Kernels, layout: Layout, weights: readonly WeightRows[], inputs: readonly Uint8Array[]): Forward {
  const { circuit } = layout;
  // whole rows of the commitment's matrix
  const witness = zeroWords(kernels, paddedLength(layout.witnessLength, openingLevels(layout.witnessLength)![0]!));
  const tensors: (TensorBytes | null)[] = inputs.map((values, k) => {
    const address = kernels.arena.allocate(values.length + 32);
    kernels.bytes.set(values, address);
    return { address, shape: circuit.inputs[k]!.shape };
  });
  const requantized: ({ quotients: number; outputs: number } | null)[] = [];
  const maxima: ({ differences: number; gains: number } | null)[] = [];
  const operands: OperandRows[] = [];
  const integers = new Map<number, Int32Array>();
  const sites = convolutions(circuit);
  circuit.layers.forEach((layer, index) => {
    const tensor = inputs.length + index;
    const [channels, height, width] = layer.shape;
    const elements = channels * height * width;
    const slots = layout.layers[index];
    const own = layout.tensorSlots[tensor] ?? null;
    requantized.push(null);
    maxima.push(null);
    const dense = kernels.arena.allocate(elements + 32);
    if (layer.kind === 'maximum') {
      const geometry = slots!.kind === 'maximum' ? slots!.leaves : null;
      const differences = zeroWords(kernels, slotLength(geometry!));
      const gains = zeroWords(kernels, slotLength(geometry!));
      const a = placeOperand(kernels, circuit, layer.a, tensors, false);
      const b = placeOperand(kernels, circuit, layer.b, tensors, false);
      const table = layout.tables.find((t) => t.source.kind === 'maximum')!;
      kernels.exports.maximum!(
        a.address,
        b.address,
        a.rowStride,
        channels,
        height,
        width,
        geometry!.rowBits,
        geometry!.columnBits,
        witness + 4 * table.multiplicities.offset,
        dense,
        own ? witness + 4 * own.offset : 0,
        differences,
        gains,
      );
      maxima[index] = { differences, gains };
    } else {
      const accumulators = kernels.arena.allocate(4 * elements + 16);
      const first = sites.findIndex((s) => s.layerIndex === index);
      accumulate(kernels, layout, layer, tensors, first, weights, operands, accumulators);
      if (layer.kind === 'accumulate') {
        integers.set(tensor, kernels.signed.slice(accumulators >>> 2, (accumulators >>> 2) + elements));
        tensors.push(null);
        return;
      }
      requantized[index] = requantize(kernels, layout, layer, slots as RequantizeSlots, own, accumulators, dense, { witness });
    }
    tensors.push({ address: dense, shape: layer.shape });
  });
  const outputs = circuit.outputs.map((tensor) => {
    const known = integers.get(tensor);
    if (known) return known;
    const { address, shape } = tensors[tensor]!;
    return kernels.bytes.slice(address, address + shape[0] * shape[1] * shape[2]);
  });
  return { witness, requantized, maxima, operands, outputs };
}
