/**
 * Calibration inputs and labels from files: .npy, .npz, JSON, raw float32 or uint8.
 *
 * Arrays hold one sample per entry of their first axis. After it the shape is that of the ONNX input without its batch, up to axes of length 1, or flat.
 * An .npz holds one array per input, by the input's name; where no name fits, in the order of the archive. In JSON a sample is a nested list, or for
 * several inputs an object of nested lists. Raw files are samples one after another, in each the inputs one after another.
 */
import { unzipSync } from 'fflate';
import type { FloatValue } from '../onnx/float-graph.ts';
import { CalibrationError, type Sample } from './calibration.ts';
import { isNpy, readNpy, type NumpyArray } from './npy.ts';

export type CalibrationFormat = 'npy' | 'npz' | 'json' | 'float32' | 'uint8';

/** Most bytes that an archive may unpack to. */
const MAX_UNPACKED = 2 ** 31;

type Input = Pick<FloatValue, 'name' | 'dims'>;

const count = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);
const withoutOnes = (dims: readonly number[]): string => dims.filter((n) => n !== 1).join(' x ');

/** The format that a file's first bytes tell; raw files do not. Throws `CalibrationError` where they tell none. */
export function formatOf(bytes: Uint8Array): CalibrationFormat {
  if (isNpy(bytes)) return 'npy';
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) return 'npz';
  const text = new TextDecoder().decode(bytes.subarray(0, 64)).trimStart();
  if (text.startsWith('[') || text.startsWith('{')) return 'json';
  throw new CalibrationError('the calibration file is no .npy, .npz or JSON; for raw numbers say float32 or uint8');
}

/** The samples of one input in an array. */
function split(what: string, { shape, values }: NumpyArray, { name, dims }: Input): Float32Array[] {
  const expected = count(dims);
  const single = withoutOnes(shape) === withoutOnes(dims) && values.length === expected;
  const samples = single ? 1 : (shape[0] ?? 0);
  const rest = shape.slice(1);
  const fits = single || withoutOnes(rest) === withoutOnes(dims) || (rest.length === 1 && rest[0] === expected);
  if (!fits || samples < 1)
    throw new CalibrationError(
      `${what}: shape ${shape.join(' x ')}; for input ${name} N x ${dims.slice(1).join(' x ') || '1'} is expected`,
    );
  return Array.from({ length: samples }, (_, k) => values.slice(k * expected, (k + 1) * expected));
}

/** Samples from what each input has of them. */
function zipped(columns: readonly (readonly Float32Array[])[], inputs: readonly Input[]): Sample[] {
  const [first = []] = columns;
  columns.forEach((column, k) => {
    if (column.length !== first.length)
      throw new CalibrationError(`${column.length} samples of input ${inputs[k]!.name}, but ${first.length} of ${inputs[0]!.name}`);
  });
  return first.map((_, n) => columns.map((column) => column[n]!));
}

function unpack(bytes: Uint8Array): Record<string, Uint8Array> {
  let unpacked = 0;
  try {
    return unzipSync(bytes, {
      filter: ({ name, originalSize }) => {
        unpacked += originalSize;
        if (unpacked > MAX_UNPACKED) throw new CalibrationError(`the archive unpacks to more than ${MAX_UNPACKED} bytes`);
        return name.endsWith('.npy');
      },
    });
  } catch (error) {
    if (error instanceof CalibrationError) throw error;
    throw new CalibrationError(`the .npz archive cannot be unpacked: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function fromArchive(bytes: Uint8Array, inputs: readonly Input[]): Sample[] {
  const files = unpack(bytes);
  const names = Object.keys(files);
  const named = inputs.every(({ name }) => names.includes(`${name}.npy`));
  if (!named && names.length !== inputs.length) {
    throw new CalibrationError(
      `the archive holds ${names.join(', ') || 'no .npy'}; one array per input is expected: ${inputs.map(({ name }) => name).join(', ')}`,
    );
  }
  const columns = inputs.map((input, k) => {
    const file = named ? `${input.name}.npy` : names[k]!;
    return split(file, readNpy(file, files[file]!), input);
  });
  return zipped(columns, inputs);
}

/** The numbers of nested lists, in order. Throws where a list is ragged. */
function flattened(what: string, value: unknown): NumpyArray {
  const values: number[] = [];
  const shape: number[] = [];
  const visit = (item: unknown, depth: number): void => {
    if (Array.isArray(item)) {
      shape[depth] ??= item.length;
      if (shape[depth] !== item.length)
        throw new CalibrationError(`${what}: lists of ${shape[depth]} and of ${item.length} entries side by side`);
      for (const entry of item as unknown[]) visit(entry, depth + 1);
    } else if (typeof item === 'number' && depth === shape.length) values.push(item);
    else
      throw new CalibrationError(
        `${what}: ${item === undefined ? 'nothing' : JSON.stringify(item).slice(0, 40)} where a number or a list of numbers is expected`,
      );
  };
  visit(value, 0);
  return { shape, values: Float32Array.from(values) };
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new CalibrationError(`the file is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function fromJson(bytes: Uint8Array, inputs: readonly Input[]): Sample[] {
  const parsed = jsonOf(bytes);
  if (!Array.isArray(parsed)) throw new CalibrationError('a JSON calibration file is a list of samples');
  return (parsed as unknown[]).map((sample, n) =>
    inputs.map((input) => {
      const byName = typeof sample === 'object' && sample !== null && !Array.isArray(sample);
      if (!byName && inputs.length > 1)
        throw new CalibrationError(`sample ${n}: the model has ${inputs.length} inputs; an object with their names is expected`);
      const what = `sample ${n}, ${input.name}`;
      const value: unknown = byName ? (sample as Record<string, unknown>)[input.name] : sample;
      const { shape, values } = flattened(what, value);
      const expected = count(input.dims);
      const flat = shape.length === 1 && shape[0] === expected;
      if (values.length !== expected || !(flat || withoutOnes(shape) === withoutOnes(input.dims)))
        throw new CalibrationError(`${what}: shape ${shape.join(' x ') || 'of one number'}; ${input.dims.join(' x ')} is expected`);
      return values;
    }),
  );
}

function fromRaw(bytes: Uint8Array, elementBytes: 1 | 4, inputs: readonly Input[]): Sample[] {
  const perSample = inputs.reduce((sum, { dims }) => sum + count(dims), 0);
  if (!bytes.length || bytes.length % (elementBytes * perSample)) {
    const unit = `${elementBytes * perSample} bytes (${inputs.map(({ dims }) => dims.join(' x ')).join(' and ')})`;
    throw new CalibrationError(`a raw calibration file holds samples of ${unit}; ${bytes.length} bytes are no multiple`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let next = 0;
  return Array.from({ length: bytes.length / (elementBytes * perSample) }, () =>
    inputs.map(({ dims }) =>
      Float32Array.from({ length: count(dims) }, () => (elementBytes === 1 ? bytes[next++]! : view.getFloat32(4 * next++, true))),
    ),
  );
}

/**
 * The samples in a file. `format` is needed for raw files only. Throws `CalibrationError` saying what was expected and what came.
 * @example const samples = readCalibration(bytes, graph.inputs);
 */
export function readCalibration(bytes: Uint8Array, inputs: readonly Input[], format: CalibrationFormat = formatOf(bytes)): Sample[] {
  switch (format) {
    case 'npy': {
      if (inputs.length > 1)
        throw new CalibrationError(`an .npy file holds one array, the model has ${inputs.length} inputs; use .npz with their names`);
      return split('the calibration file', readNpy('the calibration file', bytes), inputs[0]!).map((values) => [values]);
    }
    case 'npz':
      return fromArchive(bytes, inputs);
    case 'json':
      return fromJson(bytes, inputs);
    case 'float32':
      return fromRaw(bytes, 4, inputs);
    case 'uint8':
      return fromRaw(bytes, 1, inputs);
  }
}

/** Labels, one whole number per sample: an .npy of one axis, a JSON list, or raw bytes. Throws `CalibrationError`. */
export function readLabels(bytes: Uint8Array, format?: 'npy' | 'json' | 'uint8'): Int32Array {
  const form = format ?? formatOf(bytes);
  if (form === 'uint8') return Int32Array.from(bytes);
  if (form !== 'npy' && form !== 'json') throw new CalibrationError(`labels are an .npy, a JSON list or raw bytes, not ${form}`);
  const { shape, values } = form === 'npy' ? readNpy('the file of labels', bytes) : flattened('the file of labels', jsonOf(bytes));
  const bad = values.findIndex((v) => !Number.isInteger(v) || v < 0);
  if (shape.filter((n) => n !== 1).length > 1 || bad >= 0)
    throw new CalibrationError(
      `labels are a list of whole numbers from 0; got shape ${shape.join(' x ')}${bad >= 0 ? ` with ${values[bad]!}` : ''}`,
    );
  return Int32Array.from(values);
}
