/**
 * A proof with all that it is about: enough to verify it against a circuit and its public weights. And the proof that registers committed weights.
 *
 * ```
 * proof        = 32 bytes circuit digest, list(u8) context, list(list(u8)) inputs, list(output) outputs, list(u8) proof
 * output       = u8 0, list(u8)   or   u8 1, list(i32)
 * registration = 32 bytes circuit digest, list(u8) proof
 * ```
 */
import type { ByteReader, ByteWriter } from './bytes.ts';
import { FileRefusal, decodeFields, encodeFields, type FileKind } from './file.ts';

export const MAX_PROOF_FILE_BYTES = 2 ** 26;
export const MAX_CONTEXT_BYTES = 2 ** 16;
const MAX_PROOF_BYTES = 2 ** 20;
const MAX_TENSORS = 8;

/** A proof and its statement. */
export interface ProofFile {
  /** The circuit's digest, 32 bytes. */
  readonly circuit: Uint8Array;
  /** What binds the proof to who made it for whom; at most 2^16 bytes. */
  readonly context: Uint8Array;
  /** Per input of the circuit (1..8) its bytes, C-order. */
  readonly inputs: readonly Uint8Array[];
  /** Per output of the circuit (1..8) its bytes, or its int32 accumulators. */
  readonly outputs: readonly (Uint8Array | Int32Array)[];
  /** At most 2^20 bytes. */
  readonly proof: Uint8Array;
}

export interface RegistrationFile {
  /** The circuit's digest, 32 bytes. */
  readonly circuit: Uint8Array;
  readonly proof: Uint8Array;
}

/** Throws `FileRefusal` where something is longer than a file may hold. */
export function encodeProofFile({ circuit, context, inputs, outputs, proof }: ProofFile): Uint8Array {
  const file = encodeFields('proof', (out) => {
    writeDigest(out, 'proof', circuit);
    writeBytes(out, 'proof', 'context', context, MAX_CONTEXT_BYTES);
    refuseCount('inputs', inputs.length);
    out.list(inputs, (values) => {
      writeBytes(out, 'proof', 'input', values, MAX_PROOF_FILE_BYTES);
    });
    refuseCount('outputs', outputs.length);
    out.list(outputs, (values) => {
      out.u8(values instanceof Uint8Array ? 0 : 1);
      if (values instanceof Uint8Array) writeBytes(out, 'proof', 'output', values, MAX_PROOF_FILE_BYTES);
      else
        out.list(values, (value) => {
          out.i32(value);
        });
    });
    writeBytes(out, 'proof', 'proof', proof, MAX_PROOF_BYTES);
  });
  if (file.length > MAX_PROOF_FILE_BYTES) throw new FileRefusal('proof', `at most ${MAX_PROOF_FILE_BYTES} bytes`, `${file.length} bytes`);
  return file;
}

/** Throws `FileRefusal`, never anything else. What it returns has been checked for its format only. */
export function decodeProofFile(file: Uint8Array): ProofFile {
  return decodeFields('proof', file, MAX_PROOF_FILE_BYTES, (data) => {
    const circuit = data.bytes(32);
    const context = readBytes(data, 'proof', 'context', MAX_CONTEXT_BYTES);
    const inputs = data.list(4, () => data.bytes(data.count(1)), MAX_TENSORS);
    refuseCount('inputs', inputs.length);
    const readOutput = (): Uint8Array | Int32Array => {
      const kind = data.u8();
      if (kind > 1) throw new FileRefusal('proof', 'output kind 0 (bytes) or 1 (int32)', `kind ${kind}`);
      return kind === 0 ? data.bytes(data.count(1)) : data.integers();
    };
    const outputs = data.list(5, readOutput, MAX_TENSORS);
    refuseCount('outputs', outputs.length);
    return { circuit, context, inputs, outputs, proof: readBytes(data, 'proof', 'proof', MAX_PROOF_BYTES) };
  });
}

export function encodeRegistrationFile({ circuit, proof }: RegistrationFile): Uint8Array {
  return encodeFields('registration', (out) => {
    writeDigest(out, 'registration', circuit);
    writeBytes(out, 'registration', 'proof', proof, MAX_PROOF_BYTES);
  });
}

/** Throws `FileRefusal`. */
export function decodeRegistrationFile(file: Uint8Array): RegistrationFile {
  return decodeFields('registration', file, MAX_PROOF_BYTES + 64, (data) => ({
    circuit: data.bytes(32),
    proof: readBytes(data, 'registration', 'proof', MAX_PROOF_BYTES),
  }));
}

function writeDigest(out: ByteWriter, kind: FileKind, digest: Uint8Array): void {
  if (digest.length !== 32) throw new FileRefusal(kind, 'a digest of 32 bytes', `${digest.length} bytes`);
  out.bytes(digest);
}

function writeBytes(out: ByteWriter, kind: FileKind, what: string, bytes: Uint8Array, limit: number): void {
  refuseLength(kind, what, bytes.length, limit);
  out.u32(bytes.length);
  out.bytes(bytes);
}

function readBytes(data: ByteReader, kind: FileKind, what: string, limit: number): Uint8Array {
  const length = data.count(1);
  refuseLength(kind, what, length, limit);
  return data.bytes(length);
}

function refuseLength(kind: FileKind, what: string, length: number, limit: number): void {
  if (length > limit) throw new FileRefusal(kind, `a ${what} of at most ${limit} bytes`, `${length} bytes`);
}

function refuseCount(what: string, count: number): void {
  if (count < 1 || count > MAX_TENSORS) throw new FileRefusal('proof', `1..${MAX_TENSORS} ${what}`, `${count}`);
}
