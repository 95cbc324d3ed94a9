/** Inputs of a circuit from files: raw bytes, JSON, or .npy. */
import { size, type Circuit, type TensorMeaning } from '../../circuits/graph/circuit.ts';
import { isNpy, readNpy } from '../../circuits/quantize/npy.ts';
import { byteOf } from '../../circuits/quantize/quantizer.ts';
import { Failure } from './failure.ts';
import { readWhole } from './files.ts';
import { significant } from './table.ts';

/** Numbers of a file. */
export interface Numbers {
  /** Dimensions, where the file says them. */
  readonly dims: readonly number[] | null;
  readonly values: ArrayLike<number>;
  /** Whether they are the circuit's own bytes already; else they are real numbers. */
  readonly quantized: boolean;
}

export interface InputOptions {
  /** Numbers of .json and .npy files are the circuit's bytes. */
  readonly quantized: boolean;
  /** Real numbers that the circuit's input cannot hold become the nearest that it can. */
  readonly clip: boolean;
}

/** For commands that take inputs. */
export const INPUT_DESCRIPTION = 'One file per input of the model: .npy or .json (real numbers), else raw bytes as the circuit takes them';
export const INPUT_ARGS = {
  quantized: { type: 'boolean', description: "Numbers of .npy and .json files are the circuit's bytes, 0 to 255" },
  clip: { type: 'boolean', description: 'Clip real numbers that the model was not calibrated for' },
} as const;

/** The inputs of a circuit from one file each. Throws `Failure` (usage, input) that names the file. */
export async function readInputs(circuit: Circuit, files: readonly string[], options: InputOptions): Promise<Uint8Array[]> {
  const { meaning, inputs } = circuit;
  if (files.length !== inputs.length) {
    throw new Failure('usage', 'input-count', 'the number of input files is not that of the model', {
      expected: `${inputs.length}: ${meaning.inputs.map(({ name }) => name).join(', ')}`,
      got: `${files.length}`,
    });
  }
  return Promise.all(
    files.map(async (file, n) => {
      const bytes = await readWhole(file, 'the input');
      return inputBytes(file, parseNumbers(file, bytes, options), meaning.inputs[n]!, size(inputs[n]!.shape), options);
    }),
  );
}

/** The numbers of a file, whose name says its format. */
function parseNumbers(file: string, bytes: Uint8Array, { quantized }: InputOptions): Numbers {
  if (/\.json$/i.test(file)) return parseJson(file, bytes, quantized);
  if (isNpy(bytes)) {
    const { shape, values } = readNpy(file, bytes);
    return { dims: shape, values, quantized };
  }
  return { dims: null, values: bytes, quantized: true };
}

/** Nested lists of numbers. */
function parseJson(file: string, bytes: Uint8Array, quantized: boolean): Numbers {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new Failure('input', 'input-format', `${file} is not JSON: ${cause instanceof Error ? cause.message : ''}`, { cause });
  }
  const dims: number[] = [];
  for (let level = value; Array.isArray(level); level = level[0]) dims.push(level.length);
  const values: number[] = [];
  const visit = (node: unknown, depth: number): void => {
    if (depth < dims.length && Array.isArray(node) && node.length === dims[depth]) node.forEach((item) => visit(item, depth + 1));
    else if (depth === dims.length && typeof node === 'number') values.push(node);
    else {
      const got = Array.isArray(node) ? `a list of ${node.length}` : JSON.stringify(node).slice(0, 40);
      const expected = depth < dims.length ? `a list of ${dims[depth]!}` : 'a number';
      throw new Failure('input', 'input-format', `${file} is no nested list of numbers of one shape`, { expected, got });
    }
  };
  visit(value, 0);
  return { dims, values, quantized };
}

/** Dimensions without the batch of 1 and other leading ones. */
function withoutLeadingOnes(dims: readonly number[]): string {
  return dims.join(' x ').replace(/^(1 x )+/, '');
}

const HOW_TO_SCALE = 'scale the input as the model expects it, or use --clip';

/** The bytes that the circuit takes. */
function inputBytes(
  file: string,
  { dims, values, quantized }: Numbers,
  meaning: TensorMeaning,
  length: number,
  { clip }: InputOptions,
): Uint8Array {
  const { name, scale, zero } = meaning;
  const shape = meaning.dims.join(' x ');
  const isFlat = dims === null || dims.length === 1;
  if (values.length !== length || (!isFlat && withoutLeadingOnes(dims) !== withoutLeadingOnes(meaning.dims))) {
    throw new Failure('input', 'input-shape', `${file} does not have the shape of input ${name}`, {
      expected: `${shape} (${length} ${quantized ? 'bytes' : 'numbers'})`,
      got: dims === null ? `${values.length} bytes` : `${dims.join(' x ')} numbers`,
      hint: dims === null && values.length === 4 * length ? 'real numbers are read from .npy and .json files' : '',
    });
  }
  const wrong = (n: number, expected: string, hint = ''): Failure =>
    new Failure('input', 'input-range', `${file}: element ${n} of input ${name} is ${values[n]!}`, {
      expected,
      got: `${values[n]!}`,
      hint,
    });
  const [least, most] = [scale * (0 - zero), scale * (255 - zero)];
  const range = `${significant(least)} .. ${significant(most)}, which is what the circuit's input can hold`;
  return Uint8Array.from({ length }, (_, n) => {
    const value = values[n]!;
    if (quantized) {
      if (Number.isInteger(value) && value >= 0 && value <= 255) return value;
      throw wrong(n, 'an integer in 0 .. 255');
    }
    if (!Number.isFinite(value)) throw wrong(n, 'a finite number');
    if (!clip && (value < least - scale / 2 || value >= most + scale / 2)) throw wrong(n, range, HOW_TO_SCALE);
    return byteOf(value, meaning);
  });
}
