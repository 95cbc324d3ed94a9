/**
 * NumPy array files. Source: the NPY format, versions 1.0 to 3.0 (numpy.lib.format): magic, version, header length, a Python dictionary with `descr`,
 * `fortran_order` and `shape`, then the elements.
 */
import { CalibrationError } from './calibration.ts';

export interface NumpyArray {
  readonly shape: readonly number[];
  /** C-order. */
  readonly values: Float32Array;
}

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

export function isNpy(bytes: Uint8Array): boolean {
  return MAGIC.every((b, i) => bytes[i] === b);
}

type Reader = (view: DataView, at: number, littleEndian: boolean) => number;

/** Element types by NumPy's letter and size. 64-bit integers lose what a double cannot hold. */
const ELEMENTS: Readonly<Record<string, { readonly size: number; readonly read: Reader }>> = {
  f4: { size: 4, read: (view, at, little) => view.getFloat32(at, little) },
  f8: { size: 8, read: (view, at, little) => view.getFloat64(at, little) },
  u1: { size: 1, read: (view, at) => view.getUint8(at) },
  i1: { size: 1, read: (view, at) => view.getInt8(at) },
  b1: { size: 1, read: (view, at) => view.getUint8(at) },
  u2: { size: 2, read: (view, at, little) => view.getUint16(at, little) },
  i2: { size: 2, read: (view, at, little) => view.getInt16(at, little) },
  u4: { size: 4, read: (view, at, little) => view.getUint32(at, little) },
  i4: { size: 4, read: (view, at, little) => view.getInt32(at, little) },
  u8: { size: 8, read: (view, at, little) => Number(view.getBigUint64(at, little)) },
  i8: { size: 8, read: (view, at, little) => Number(view.getBigInt64(at, little)) },
};

interface Header {
  readonly descr: string;
  readonly shape: readonly number[];
  /** Where the elements begin. */
  readonly start: number;
}

function parseHeader(name: string, bytes: Uint8Array): Header {
  if (!isNpy(bytes)) throw new CalibrationError(`${name}: is no .npy file: it does not begin with \\x93NUMPY`);
  if (bytes.length < 12) throw new CalibrationError(`${name}: ends within the header`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wide = bytes[6]! >= 2;
  const length = wide ? view.getUint32(8, true) : view.getUint16(8, true);
  const start = (wide ? 12 : 10) + length;
  if (start > bytes.length) throw new CalibrationError(`${name}: ends within the header`);
  const text = new TextDecoder('utf-8').decode(bytes.subarray(wide ? 12 : 10, start));
  const descr = /'descr'\s*:\s*'([^']*)'/.exec(text)?.[1];
  const fortran = /'fortran_order'\s*:\s*(True|False)/.exec(text)?.[1];
  const shape = /'shape'\s*:\s*\(([^)]*)\)/.exec(text)?.[1];
  if (descr === undefined || fortran === undefined || shape === undefined)
    throw new CalibrationError(`${name}: the header is not understood: ${text.trim().slice(0, 200)}`);
  if (fortran === 'True') throw new CalibrationError(`${name}: is in Fortran order; save it with numpy.ascontiguousarray`);
  const dims = shape.split(',').map((part) => part.trim());
  if (dims.at(-1) === '') dims.pop();
  if (dims.some((dim) => !/^\d+$/.test(dim))) throw new CalibrationError(`${name}: shape (${shape}) is not understood`);
  return { descr, shape: dims.map(Number), start };
}

/** Reads an array as floats. `name` is for messages. Throws `CalibrationError` where the file is damaged or its elements are no numbers. */
export function readNpy(name: string, bytes: Uint8Array): NumpyArray {
  const { descr, shape, start } = parseHeader(name, bytes);
  const element = ELEMENTS[descr.replace(/^[<>|=]/, '')];
  if (!element) {
    throw new CalibrationError(`${name}: elements of type '${descr}' are not supported; save it as numpy.float32 or numpy.uint8`);
  }
  const count = shape.reduce((a, b) => a * b, 1);
  const expected = count * element.size;
  if (bytes.length - start !== expected)
    throw new CalibrationError(`${name}: shape ${shape.join(' x ')} takes ${expected} bytes, the file has ${bytes.length - start}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = !descr.startsWith('>');
  return { shape, values: Float32Array.from({ length: count }, (_, k) => element.read(view, start + k * element.size, little)) };
}
