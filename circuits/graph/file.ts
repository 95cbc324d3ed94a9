/**
 * What all files of the project have in common: `VTAB`, u8 kind, u8 version, then a body in canonical little-endian fields. Source: wasm/README.md, section 3. One content has one file:
 * what decodes encodes to the same bytes again.
 */
import { ByteReader, ByteWriter } from './bytes.ts';
import type { Circuit } from './circuit.ts';
import { decodeCircuit, encodeCircuit } from './encoding.ts';
import { CircuitRefusal } from './refusal.ts';

/** Kinds of files and their numbers. */
export const FILE_KINDS = { circuit: 1, weights: 2, proof: 3, bundle: 4, registration: 5 } as const;
export type FileKind = keyof typeof FILE_KINDS;

export const FILE_VERSION = 1;

const MAGIC = new TextEncoder().encode('VTAB');
const HEADER_BYTES = MAGIC.length + 2;

/** A file is not what it should be: which kind was read, what was expected, what came. */
export class FileRefusal extends Error {
  readonly kind: FileKind;
  readonly expected: string;
  readonly got: string;

  constructor(kind: FileKind, expected: string, got: string) {
    super(`not a ${kind} file: expected ${expected}, got ${got}`);
    this.name = 'FileRefusal';
    this.kind = kind;
    this.expected = expected;
    this.got = got;
  }
}

/** The kind that a file says it is of, or null if it is no file of ours. The rest of the file may still be refused. */
export function fileKind(bytes: Uint8Array): FileKind | null {
  if (MAGIC.some((byte, n) => bytes[n] !== byte)) return null;
  const kinds = Object.keys(FILE_KINDS) as FileKind[];
  return kinds.find((kind) => FILE_KINDS[kind] === bytes[MAGIC.length]) ?? null;
}

/** The file of a body. */
export function encodeFile(kind: FileKind, body: Uint8Array): Uint8Array {
  const file = new Uint8Array(HEADER_BYTES + body.length);
  file.set(MAGIC);
  file.set([FILE_KINDS[kind], FILE_VERSION], MAGIC.length);
  file.set(body, HEADER_BYTES);
  return file;
}

/** The body of a file of at most `limit` bytes (not a copy). Throws `FileRefusal` if it is not of this kind and version. */
export function fileBody(kind: FileKind, file: Uint8Array, limit: number): Uint8Array {
  const start = Array.from(file.subarray(0, MAGIC.length), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  if (MAGIC.some((byte, n) => file[n] !== byte)) throw new FileRefusal(kind, 'the first bytes 56 54 41 42 (VTAB)', start || 'no bytes');
  if (file.length < HEADER_BYTES) throw new FileRefusal(kind, `a header of ${HEADER_BYTES} bytes`, `${file.length} bytes`);
  const own = fileKind(file);
  if (own !== kind)
    throw new FileRefusal(kind, `kind ${FILE_KINDS[kind]} (${kind})`, `kind ${file[MAGIC.length]!}${own ? ` (${own})` : ''}`);
  const version = file[MAGIC.length + 1]!;
  if (version !== FILE_VERSION) throw new FileRefusal(kind, `version ${FILE_VERSION}`, `version ${version}`);
  if (file.length > limit) throw new FileRefusal(kind, `at most ${limit} bytes`, `${file.length} bytes`);
  // Not file.subarray: a subclass, Node's Buffer for one, may have its own idea of what a slice of it is.
  return new Uint8Array(file.buffer, file.byteOffset + HEADER_BYTES, file.length - HEADER_BYTES);
}

/** Encodes a body and gives it a header. */
export function encodeFields(kind: FileKind, write: (out: ByteWriter) => void): Uint8Array {
  const out = new ByteWriter();
  write(out);
  return encodeFile(kind, out.done());
}

/** Reads a body to its end. Throws `FileRefusal`, also where fields are missing or bytes follow. */
export function decodeFields<T>(kind: FileKind, file: Uint8Array, limit: number, read: (data: ByteReader) => T): T {
  const data = new ByteReader(fileBody(kind, file, limit));
  try {
    const value = read(data);
    data.end();
    return value;
  } catch (error) {
    if (error instanceof CircuitRefusal) throw new FileRefusal(kind, 'the fields of its format, to the last byte', detailOf(error));
    throw error;
  }
}

/** What the reader of fields found, without the name of a rule that only circuits have. */
function detailOf(error: CircuitRefusal): string {
  return error.message.slice(error.message.indexOf(': ') + 2);
}

/** Largest circuit file: the largest encoding, and a header. */
const MAX_CIRCUIT_FILE_BYTES = 2 ** 24 + HEADER_BYTES;

export function encodeCircuitFile(circuit: Circuit): Uint8Array {
  return encodeFile('circuit', encodeCircuit(circuit));
}

/** Throws `FileRefusal` for a file that holds no circuit, `CircuitRefusal` for a circuit whose encoding is refused. Says nothing about the circuit's bounds. */
export function decodeCircuitFile(file: Uint8Array): Circuit {
  return decodeCircuit(fileBody('circuit', file, MAX_CIRCUIT_FILE_BYTES));
}
