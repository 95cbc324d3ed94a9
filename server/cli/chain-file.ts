/**
 * A model proven in slices, on disk: a list, `FILE`, and beside it a proof file for each slice, `FILE.0`, `FILE.1`, ... The list says what the chain is about; the inputs of the whole model are those
 * of slice 0.
 */
import { basename, dirname, join } from 'node:path';
import { decodeProofFile, encodeProofFile, type ProofFile } from '../../circuits/graph/proof-file.ts';
import { FileRefusal } from '../../circuits/graph/file.ts';
import type { SliceProof } from '../../wasm/prove.ts';
import { sliceContext } from '../../wasm/verify.ts';
import { parseContext } from './context.ts';
import { Failure } from './failure.ts';
import { readWhole } from './files.ts';
import { checkFields, isCount, isDigest, isListOf, isObject, isOneOf, isText, parseJsonFile, type Field } from './json-file.ts';
import { hex } from './table.ts';

type Output = Uint8Array | Int32Array;

/** A chain with all that it is about. What was read from files has been checked for its format only. */
export interface Chain {
  /** Digest of the whole circuit. */
  readonly circuit: Uint8Array;
  readonly context: Uint8Array;
  /** Numbers of the tensors at which the circuit was cut, ascending. */
  readonly cuts: readonly number[];
  /** Of the whole circuit. */
  readonly inputs: readonly Uint8Array[];
  readonly outputs: readonly Output[];
  readonly slices: readonly SliceProof[];
  /** Paths of the slices' proof files. */
  readonly paths: readonly string[];
}

/** What the list says, as JSON. */
interface ChainList {
  readonly veritab: 'chain';
  readonly version: 1;
  readonly circuit: string;
  readonly context: string;
  readonly cuts: readonly number[];
  readonly outputs: readonly { readonly type: 'uint8' | 'int32'; readonly values: readonly number[] }[];
  /** Names of proof files in the same folder. */
  readonly slices: readonly string[];
}

const isHex = (value: unknown): boolean => typeof value === 'string' && /^(?:[0-9a-f]{2})*$/.test(value);

const LIMITS = { uint8: [0, 255], int32: [-(2 ** 31), 2 ** 31 - 1] } as const;

function isOutput(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { type, values } = value as { type?: unknown; values?: unknown };
  if (type !== 'uint8' && type !== 'int32') return false;
  const [lo, hi] = LIMITS[type];
  return isListOf((n) => Number.isInteger(n) && (n as number) >= lo && (n as number) <= hi)(values);
}

/** Of this folder: a list from a stranger must not make us read elsewhere. */
const isName = (value: unknown): boolean =>
  isText(value) && value !== '' && basename(value as string) === value && value !== '..' && value !== '.';

const FIELDS: readonly Field[] = [
  ['veritab', isOneOf('chain'), '"chain"'],
  ['version', isOneOf(1), '1'],
  ['circuit', isDigest, '64 hexadecimal digits'],
  ['context', isHex, 'hexadecimal digits'],
  ['cuts', isListOf(isCount), 'a list of tensor numbers'],
  ['outputs', isListOf(isOutput), 'a list of objects of type uint8 or int32 with their values'],
  ['slices', isListOf(isName), 'a list of names of files beside the list'],
];

/** Whether a file is the list of a chain, by its first byte: no other file that holds a proof is JSON. */
export function isChainList(bytes: Uint8Array): boolean {
  return bytes[0] === '{'.charCodeAt(0);
}

/** The files of a chain, the list last; `path`: of the list. */
export function encodeChain(
  path: string,
  { circuit, context, cuts, outputs, slices }: Omit<Chain, 'inputs' | 'paths'>,
): { path: string; bytes: Uint8Array }[] {
  const files = slices.map(({ digest, inputs, outputs: own, proof }, k) => ({
    path: `${path}.${k}`,
    bytes: encodeProofFile({ circuit: digest, context: sliceContext(context, k, slices.length), inputs, outputs: own, proof }),
  }));
  const list: ChainList = {
    veritab: 'chain',
    version: 1,
    circuit: hex(circuit),
    context: hex(context),
    cuts,
    outputs: outputs.map((values) => ({ type: values instanceof Uint8Array ? 'uint8' : 'int32', values: [...values] })),
    slices: files.map((file) => basename(file.path)),
  };
  return [...files, { path, bytes: new TextEncoder().encode(`${JSON.stringify(list)}\n`) }];
}

/**
 * Reads a chain: `list` are the bytes of the list at `path`. Throws `Failure` (input) where a file is missing or is not what it should be, `Failure` (refused) where a slice's proof is not one of this
 * chain's for its context.
 */
export async function readChain(path: string, list: Uint8Array): Promise<Chain> {
  const value = parseJsonFile('chain', 'prove --slices', list);
  checkFields('chain', value, FIELDS);
  const { circuit, context, cuts, outputs, slices: names } = value as ChainList;
  const own = parseContext(`hex:${context}`);
  if (names.length !== cuts.length + 1)
    throw new Failure('input', 'chain', 'the chain does not list one proof per slice', {
      expected: `${cuts.length + 1}, for ${cuts.length} cuts`,
      got: `${names.length}`,
    });
  const paths = names.map((name) => join(dirname(path), name));
  const slices = await Promise.all(paths.map((file, k) => readSlice(file, k)));
  slices.forEach((slice, k) => {
    if (hex(slice.context) !== hex(sliceContext(own, k, slices.length)))
      throw new Failure(
        'refused',
        'wrong-context',
        `${paths[k]!} is not the proof of slice ${k} of ${slices.length} for the context of the chain`,
        {
          expected: `the chain's context, then ${k} and ${slices.length}`,
          got: `hex:${hex(slice.context)}`,
        },
      );
  });
  return {
    circuit: Uint8Array.from({ length: 32 }, (_, n) => Number.parseInt(circuit.slice(2 * n, 2 * n + 2), 16)),
    context: own,
    cuts,
    inputs: slices[0]!.inputs,
    outputs: outputs.map(({ type, values }) => (type === 'uint8' ? Uint8Array.from(values) : Int32Array.from(values))),
    slices: slices.map((slice) => ({ digest: slice.circuit, inputs: slice.inputs, outputs: slice.outputs, proof: slice.proof })),
    paths,
  };
}

async function readSlice(path: string, k: number): Promise<ProofFile> {
  const bytes = await readWhole(path, `the proof of slice ${k}`);
  try {
    return decodeProofFile(bytes);
  } catch (error) {
    if (!(error instanceof FileRefusal)) throw error;
    const { message, expected, got } = error;
    throw new Failure('input', 'file-format', `${path}: ${message}`, { expected, got, cause: error });
  }
}
