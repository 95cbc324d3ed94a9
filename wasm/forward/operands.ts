/** Operands of layers in memory: int16 rows of x - z, read through a view. */
import { isIdentityMap, zeroOf, type AxisPart, type Circuit, type Shape, type View } from '../../circuits/graph/circuit.ts';
import { placeIntegers } from '../field/karray.ts';
import type { OperandRows } from '../linear/convolution.ts';
import type { Kernels } from '../runtime/kernels.ts';

/** A dense uint8 tensor in memory, C-order. */
export interface TensorBytes {
  readonly address: number;
  readonly shape: Shape;
}

/** Whether a part is the whole of a tensor of this shape, and all there is in the view. */
export function isWhole(part: AxisPart, view: View, shape: Shape): boolean {
  return (
    part.axes.every((axis, a) => axis === a) && part.maps.every((map, a) => view.shape[a] === shape[a] && isIdentityMap(map, shape[a]!))
  );
}

/** Bytes from one row of an operand of this width to the next. */
export function rowStride(width: number): number {
  return 16 * Math.ceil(width / 8);
}

/** An operand in memory. Uncovered positions are 0; values are x - z if `centred`, else the bytes themselves. */
export function placeOperand(
  kernels: Kernels,
  circuit: Circuit,
  view: View,
  tensors: readonly (TensorBytes | null)[],
  centred: boolean,
): OperandRows {
  const [channels, height, width] = view.shape;
  const stride = rowStride(width);
  const address = kernels.arena.allocate(stride * channels * height + 32);
  kernels.exports.clear!(address, stride * channels * height + 32);
  for (const part of view.parts) {
    const tensor = tensors[part.tensor];
    if (!tensor) throw new Error(`tensor ${part.tensor} is read before it is made`);
    const zero = centred ? zeroOf(circuit, part.tensor) : 0;
    const mark = kernels.arena.mark();
    if (part.kind === 'gather') {
      kernels.exports.operandGather!(tensor.address, placeIntegers(kernels, part.index), channels * height, width, zero, address, stride);
    } else if (isWhole(part, view, tensor.shape)) {
      kernels.exports.operandRows!(tensor.address, channels * height, width, zero, address, stride);
    } else {
      const steps = [tensor.shape[1] * tensor.shape[2], tensor.shape[2], 1];
      const offsets: number[] = [0, 0, 0];
      part.maps.forEach((map, a) => {
        offsets[part.axes[a]!] = placeIntegers(
          kernels,
          map.map((v) => (v < 0 ? -1 : v * steps[a]!)),
        );
      });
      kernels.exports.operandAxes!(tensor.address, offsets[0]!, offsets[1]!, offsets[2]!, channels, height, width, zero, address, stride);
    }
    kernels.arena.release(mark);
  }
  return { address, rowStride: stride };
}
