/**
 * A bundle: everything that a stranger needs to check an answer, whoever hands it over. File kind 4; fields as in the other files of the project.
 *
 * ```
 * bundle      = 32 bytes model digest, 16 bytes request, u64 created,
 *               coordinator, list(u32) cuts, list(list(u8)) inputs, list(output) outputs, list(slice) slices,
 *               u8 0   or   u8 1, list(u8) circuit file, list(u8) weights file
 * coordinator = text origin, 32 bytes hotkey, 32 bytes key, 64 bytes signature
 * slice       = list(list(u8)) crossing, list(u8) proof, 16 bytes job, certificate, 64 bytes proof signature, u32 service ms, 64 bytes verdict signature
 * certificate = text origin, text coordinator, 32 bytes hotkey, 32 bytes session, 32 bytes nonce, u64 expires, 64 bytes signature
 * output      = u8 0, list(u8)   or   u8 1, list(i32)
 * ```
 *
 * `crossing` holds the tensor that leaves the slice for the next one: one for every slice but the last, which has none. What else a slice reads and writes stands in the request's inputs and outputs.
 */
import type { ByteReader, ByteWriter } from '../../circuits/graph/bytes.ts';
import { FileRefusal, decodeFields, encodeFields } from '../../circuits/graph/file.ts';
import { MAX_BUNDLE_BYTES, MAX_PROOF_BYTES, MAX_SLICES } from './limits.ts';
import { uuidBytes, type CoordinatorIdentity, type SessionCertificate } from './statements.ts';
/** Inputs, and outputs, of a model. */
const MAX_TENSORS = 8;

export interface BundleSlice {
  /** The tensor that crosses the cut behind this slice; null for the last one. */
  readonly crossing: Uint8Array | null;
  readonly proof: Uint8Array;
  /** UUID. */
  readonly job: string;
  readonly certificate: SessionCertificate;
  /** Of `proofStatement`, by the certificate's session key. */
  readonly proofSignature: Uint8Array;
  readonly serviceMs: number;
  /** Of `verdictStatement`, by the coordinator's key. */
  readonly verdictSignature: Uint8Array;
}

export interface Bundle {
  /** Digest of the model's whole circuit. */
  readonly model: Uint8Array;
  /** UUID. */
  readonly request: string;
  /** The coordinator's clock, ms since 1970. */
  readonly created: number;
  readonly coordinator: CoordinatorIdentity;
  /** Ascending tensor numbers of the whole circuit; as many as there are slices, less one. */
  readonly cuts: readonly number[];
  readonly inputs: readonly Uint8Array[];
  readonly outputs: readonly (Uint8Array | Int32Array)[];
  readonly slices: readonly BundleSlice[];
  /** The circuit and weights files, so that the bundle can be checked without a network; or null. */
  readonly artefacts: { readonly circuit: Uint8Array; readonly weights: Uint8Array } | null;
}

/** Throws `FileRefusal` where something is longer than a bundle may hold. */
export function encodeBundle(bundle: Bundle): Uint8Array {
  if (bundle.slices.length !== bundle.cuts.length + 1)
    throw new FileRefusal('bundle', `${bundle.cuts.length + 1} slices, one more than cuts`, `${bundle.slices.length}`);
  const file = encodeFields('bundle', (out) => {
    out.bytes(exactly(bundle.model, 32, 'model digest'));
    out.bytes(uuidBytes(bundle.request));
    out.u64(bundle.created);
    out.text(bundle.coordinator.origin);
    out.bytes(exactly(bundle.coordinator.hotkey, 32, 'hotkey'));
    out.bytes(exactly(bundle.coordinator.key, 32, 'key'));
    out.bytes(exactly(bundle.coordinator.signature, 64, 'signature'));
    out.list(bundle.cuts, (tensor) => out.u32(tensor));
    out.list(bundle.inputs, (values) => writeBytes(out, values));
    out.list(bundle.outputs, (values) => writeOutput(out, values));
    out.list(bundle.slices, (slice) => writeSlice(out, slice));
    out.u8(bundle.artefacts ? 1 : 0);
    if (bundle.artefacts) {
      writeBytes(out, bundle.artefacts.circuit);
      writeBytes(out, bundle.artefacts.weights);
    }
  });
  if (file.length > MAX_BUNDLE_BYTES) throw new FileRefusal('bundle', `at most ${MAX_BUNDLE_BYTES} bytes`, `${file.length} bytes`);
  return file;
}

/** Throws `FileRefusal`, never anything else. What it returns has been checked for its format only. */
export function decodeBundle(file: Uint8Array): Bundle {
  return decodeFields('bundle', file, MAX_BUNDLE_BYTES, (data) => {
    const model = data.bytes(32);
    const request = readUuid(data);
    const created = data.u64();
    const coordinator = { origin: data.text(), hotkey: data.bytes(32), key: data.bytes(32), signature: data.bytes(64) };
    const cuts = data.list(4, () => data.u32(), MAX_SLICES);
    const inputs = data.list(4, () => data.bytes(data.count(1)), MAX_TENSORS);
    const outputs = data.list(5, () => readOutput(data), MAX_TENSORS);
    const slices = data.list(300, () => readSlice(data), MAX_SLICES);
    if (slices.length !== cuts.length + 1)
      throw new FileRefusal('bundle', `${cuts.length + 1} slices, one more than cuts`, `${slices.length}`);
    const last = slices.length - 1;
    slices.forEach(({ crossing }, k) => {
      if ((crossing === null) !== (k === last))
        throw new FileRefusal('bundle', 'a crossing tensor behind every slice but the last', `slice ${k} of ${slices.length}`);
    });
    const embedded = data.u8();
    if (embedded > 1) throw new FileRefusal('bundle', '0 or 1 (the model is in the bundle)', `${embedded}`);
    const artefacts = embedded === 1 ? { circuit: data.bytes(data.count(1)), weights: data.bytes(data.count(1)) } : null;
    return { model, request, created, coordinator, cuts, inputs, outputs, slices, artefacts };
  });
}

function exactly(bytes: Uint8Array, length: number, what: string): Uint8Array {
  if (bytes.length !== length) throw new FileRefusal('bundle', `a ${what} of ${length} bytes`, `${bytes.length} bytes`);
  return bytes;
}

function writeBytes(out: ByteWriter, bytes: Uint8Array): void {
  out.u32(bytes.length);
  out.bytes(bytes);
}

function writeOutput(out: ByteWriter, values: Uint8Array | Int32Array): void {
  out.u8(values instanceof Uint8Array ? 0 : 1);
  if (values instanceof Uint8Array) writeBytes(out, values);
  else out.list(values, (value) => out.i32(value));
}

function readOutput(data: ByteReader): Uint8Array | Int32Array {
  const kind = data.u8();
  if (kind > 1) throw new FileRefusal('bundle', 'output kind 0 (bytes) or 1 (int32)', `kind ${kind}`);
  return kind === 0 ? data.bytes(data.count(1)) : data.integers();
}

function writeSlice(out: ByteWriter, slice: BundleSlice): void {
  out.list(slice.crossing ? [slice.crossing] : [], (values) => writeBytes(out, values));
  if (slice.proof.length > MAX_PROOF_BYTES)
    throw new FileRefusal('bundle', `a proof of at most ${MAX_PROOF_BYTES} bytes`, `${slice.proof.length} bytes`);
  writeBytes(out, slice.proof);
  out.bytes(uuidBytes(slice.job));
  const { certificate } = slice;
  out.text(certificate.origin);
  out.text(certificate.coordinator);
  out.bytes(exactly(certificate.hotkey, 32, 'hotkey'));
  out.bytes(exactly(certificate.session, 32, 'session key'));
  out.bytes(exactly(certificate.nonce, 32, 'nonce'));
  out.u64(certificate.expires);
  out.bytes(exactly(certificate.signature, 64, 'signature'));
  out.bytes(exactly(slice.proofSignature, 64, 'signature'));
  out.u32(slice.serviceMs);
  out.bytes(exactly(slice.verdictSignature, 64, 'signature'));
}

function readSlice(data: ByteReader): BundleSlice {
  const crossing = data.list(4, () => data.bytes(data.count(1)), 1);
  const proof = data.bytes(data.count(1));
  if (proof.length > MAX_PROOF_BYTES)
    throw new FileRefusal('bundle', `a proof of at most ${MAX_PROOF_BYTES} bytes`, `${proof.length} bytes`);
  const job = readUuid(data);
  const certificate = {
    origin: data.text(),
    coordinator: data.text(),
    hotkey: data.bytes(32),
    session: data.bytes(32),
    nonce: data.bytes(32),
    expires: data.u64(),
    signature: data.bytes(64),
  };
  return {
    crossing: crossing[0] ?? null,
    proof,
    job,
    certificate,
    proofSignature: data.bytes(64),
    serviceMs: data.u32(),
    verdictSignature: data.bytes(64),
  };
}

function readUuid(data: ByteReader): string {
  const digits = Array.from(data.bytes(16), (byte) => byte.toString(16).padStart(2, '0')).join('');
  return [digits.slice(0, 8), digits.slice(8, 12), digits.slice(12, 16), digits.slice(16, 20), digits.slice(20)].join('-');
}
