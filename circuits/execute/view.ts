/** What an operation reads: index maps applied to tensors. */
import { shapeOf, size, zeroOf, type Circuit, type Part, type View } from '../graph/circuit.ts';

/** The flat tensor position that each flat operand position reads, -1 where the part does not cover it. */
function sources(circuit: Circuit, view: View, part: Part): Int32Array {
  if (part.kind === 'gather') return part.index;
  const [channels, height, width] = view.shape;
  const [, rows, columns] = shapeOf(circuit, part.tensor);
  const strides = [rows * columns, columns, 1];
  // Per operand axis: what a coordinate adds to the source position, -1 where nothing is read.
  const offsets: Int32Array[] = [];
  part.maps.forEach((map, a) => {
    offsets[part.axes[a]!] = map.map((t) => (t < 0 ? -1 : t * strides[a]!));
  });
  const [byChannel, byRow, byColumn] = offsets as [Int32Array, Int32Array, Int32Array];
  const index = new Int32Array(channels * height * width);
  let position = 0;
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < height; i++) {
      for (let j = 0; j < width; j++, position++) {
        const covered = byChannel[c]! >= 0 && byRow[i]! >= 0 && byColumn[j]! >= 0;
        index[position] = covered ? byChannel[c]! + byRow[i]! + byColumn[j]! : -1;
      }
    }
  }
  return index;
}

/**
 * An operand, C-order, size(view.shape) values: x - z if `centred` (linear layers), else x (maxima); 0 where no part covers. `tensors`: values by tensor
 * number, at least those that the view reads.
 */
export function readView(circuit: Circuit, view: View, tensors: readonly ArrayLike<number>[], centred: boolean): Int32Array {
  const operand = new Int32Array(size(view.shape));
  for (const part of view.parts) {
    const tensor = tensors[part.tensor]!;
    const zero = centred ? zeroOf(circuit, part.tensor) : 0;
    const index = sources(circuit, view, part);
    for (let position = 0; position < operand.length; position++) {
      const source = index[position]!;
      if (source >= 0) operand[position] = tensor[source]! - zero;
    }
  }
  return operand;
}
