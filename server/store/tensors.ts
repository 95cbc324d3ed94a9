/**
 * Lists of tensors as the database keeps them: what a slice reads, and what it gives.
 *
 * ```
 * tensors = list(tensor)        tensor = u8 0, list(u8)   or   u8 1, list(i32)
 * ```
 */
import { ByteReader, ByteWriter } from '../../circuits/graph/bytes.ts';

/** Values of a uint8 tensor, or of an accumulator. */
export type Tensor = Uint8Array | Int32Array;

export function encodeTensors(tensors: readonly Tensor[]): Uint8Array {
  const out = new ByteWriter();
  out.list(tensors, (values) => {
    out.u8(values instanceof Uint8Array ? 0 : 1);
    if (values instanceof Uint8Array) {
      out.u32(values.length);
      out.bytes(values);
    } else out.list(values, (value) => out.i32(value));
  });
  return out.done();
}

/** Throws where the bytes are no such list: then the database was changed by somebody else. */
export function decodeTensors(bytes: Uint8Array): Tensor[] {
  // The driver's buffers would give slices that are buffers again, and no copies.
  const data = new ByteReader(new Uint8Array(bytes));
  const tensors = data.list(5, (): Tensor => (data.u8() === 0 ? data.bytes(data.count(1)) : data.integers()));
  data.end();
  return tensors;
}
