/**
 * The frames between a coordinator and a miner: msgpack maps with a `type`, checked against a strict schema in both directions. Unknown types, unknown fields, values out of range: refused.
 *
 * ```
 * coordinator                       miner
 * challenge  -------------------->
 *            <--------------------  hello      (certificate, possession of its key)
 * welcome    -------------------->
 * job        -------------------->
 *            <--------------------  accept, progress ...
 *            <--------------------  proof
 * verdict    -------------------->
 * cancel, stats, bye  ----------->
 *            <--------------------  bye
 * ```
 */
import { Decoder, encode } from '@msgpack/msgpack';
import * as v from 'valibot';
import { MAX_FRAME_BYTES, MAX_PROOF_BYTES, MAX_SLICES } from './limits.ts';

/** Bytes over any buffer. */
const anyBytes = v.custom<Uint8Array>((value) => value instanceof Uint8Array, 'expected bytes');
const bytesOf = (length: number) =>
  v.pipe(
    anyBytes,
    v.check((bytes) => bytes.length === length, `expected ${length} bytes`),
  );
const bytesUpTo = (length: number) =>
  v.pipe(
    anyBytes,
    v.check((bytes) => bytes.length <= length, `expected at most ${length} bytes`),
  );
const digest = bytesOf(32);
const key = bytesOf(32);
const signature = bytesOf(64);
const uuid = v.pipe(v.string(), v.regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'expected a UUID'));
const count = (min: number, max: number) => v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max));
const time = count(0, Number.MAX_SAFE_INTEGER);
const milliseconds = v.pipe(v.number(), v.minValue(0), v.maxValue(3_600_000));
/** One line of text for people and logs. */
const line = (max: number) =>
  v.pipe(v.string(), v.maxLength(max), v.regex(/^[^\p{Cc}\u2028\u2029]*$/u, 'expected text without control characters'));

const certificate = v.strictObject({
  origin: v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,255}$/, 'expected an origin')),
  coordinator: line(64),
  hotkey: key,
  session: key,
  nonce: bytesOf(32),
  expires: time,
  signature,
});

/** A job's input: the bytes of each of the slice's inputs, or the blobs that hold them. */
const inputs = v.variant('kind', [
  v.strictObject({ kind: v.literal('inline'), values: v.pipe(v.array(anyBytes), v.minLength(1), v.maxLength(8)) }),
  v.strictObject({ kind: v.literal('blobs'), hashes: v.pipe(v.array(digest), v.minLength(1), v.maxLength(8)) }),
]);

/** Frames that a coordinator sends. */
const coordinatorFrame = v.variant('type', [
  v.strictObject({
    type: v.literal('challenge'),
    protocol: count(0, 65535),
    nonce: bytesOf(32),
    origin: v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,255}$/, 'expected an origin')),
    coordinator: line(64),
    /** Until when a new certificate shall hold, ms since 1970. */
    expires: time,
  }),
  v.strictObject({
    type: v.literal('welcome'),
    /** The coordinator's time, ms since 1970. */
    time,
    /** Jobs of this session that were given out and may still be answered. */
    open: v.pipe(v.array(uuid), v.maxLength(64)),
  }),
  v.strictObject({
    type: v.literal('job'),
    job: uuid,
    request: uuid,
    kind: v.picklist(['client', 'benchmark']),
    slice: count(0, MAX_SLICES - 1),
    slices: count(1, MAX_SLICES),
    attempt: count(1, 255),
    /** Digest of the slice's circuit; the blobs of its circuit file and weights file. */
    circuit: digest,
    circuitBlob: digest,
    weightsBlob: digest,
    inputs,
    /** Milliseconds from now in which a proof is of use. */
    within: count(0, 600_000),
  }),
  v.strictObject({
    type: v.literal('verdict'),
    job: uuid,
    ok: v.boolean(),
    /** Which check refused the proof, and what was wrong; '' where it was accepted. */
    check: line(64),
    detail: line(1024),
    serviceMs: count(0, 0xffffffff),
    verifyMs: milliseconds,
    proofBytes: count(0, 0xffffffff),
    proofHash: digest,
    /** By the coordinator's verdict key. */
    signature,
  }),
  v.strictObject({
    type: v.literal('cancel'),
    job: uuid,
    /** `expired`: its deadline or lease is over; `answered`: another miner was first; `request-over`: the request failed or was taken back. */
    reason: v.picklist(['expired', 'answered', 'request-over']),
  }),
  v.strictObject({
    type: v.literal('stats'),
    time,
    miners: count(0, 0xffffffff),
    queue: count(0, 0xffffffff),
  }),
  v.strictObject({ type: v.literal('bye'), code: line(64), message: line(1024), retryAfter: v.nullable(count(0, 86_400_000)) }),
]);

/** Frames that a miner sends. */
const minerFrame = v.variant('type', [
  v.strictObject({
    type: v.literal('hello'),
    protocol: count(0, 65535),
    certificate,
    /** `possessionStatement` of this connection's nonce, signed by the session key. */
    possession: signature,
    /** Whom proofs are paid to; null: the hotkey itself. */
    payee: v.nullable(key),
    /** Name and version of the software. */
    agent: line(128),
    threads: count(1, 256),
    /** Jobs that it can hold: the one it works on, and those that wait. */
    capacity: count(1, 16),
    /** Circuits that it has prepared or can prepare without a download. */
    holds: v.pipe(v.array(digest), v.maxLength(256)),
  }),
  v.strictObject({ type: v.literal('accept'), job: uuid }),
  v.strictObject({
    type: v.literal('progress'),
    job: uuid,
    phase: v.picklist(['fetch', 'prepare', 'forward', 'commit', 'lookups', 'linear', 'batching', 'opening']),
  }),
  v.strictObject({
    type: v.literal('proof'),
    job: uuid,
    proof: bytesUpTo(MAX_PROOF_BYTES),
    /** The miner's own time for the proof, ms. */
    proveMs: milliseconds,
    /** `proofStatement`, signed by the session key. */
    signature,
  }),
  v.strictObject({
    type: v.literal('decline'),
    job: uuid,
    /** `busy`: more than it can hold; `failed`: its prover failed; `artefact`: a blob was not to be had, or was not what its name says; `memory`: it has too little. */
    reason: v.picklist(['busy', 'failed', 'artefact', 'memory']),
    detail: line(1024),
  }),
  v.strictObject({ type: v.literal('bye'), code: line(64), message: line(1024), retryAfter: v.null() }),
]);

export type CoordinatorFrame = v.InferOutput<typeof coordinatorFrame>;
export type MinerFrame = v.InferOutput<typeof minerFrame>;
export type Frame<Type extends (CoordinatorFrame | MinerFrame)['type']> = Extract<CoordinatorFrame | MinerFrame, { type: Type }>;

/** A frame that is none. The message says where, what was expected and what came. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

/** Throws `FrameError` where the frame would be longer than frames may be. */
export function encodeFrame(frame: CoordinatorFrame | MinerFrame): Uint8Array {
  const bytes = encode(frame);
  if (bytes.length > MAX_FRAME_BYTES)
    throw new FrameError(`a frame has at most ${MAX_FRAME_BYTES} bytes, this one (${frame.type}) ${bytes.length}`);
  return bytes;
}

const decoder = new Decoder({
  maxStrLength: 4096,
  maxBinLength: MAX_FRAME_BYTES,
  maxArrayLength: 256,
  maxMapLength: 32,
  maxExtLength: 0,
});

function decodeAs<T>(schema: v.GenericSchema<unknown, T>, bytes: Uint8Array): T {
  if (bytes.length > MAX_FRAME_BYTES) throw new FrameError(`a frame has at most ${MAX_FRAME_BYTES} bytes, this one ${bytes.length}`);
  let value: unknown;
  try {
    value = decoder.decode(bytes);
  } catch (error) {
    throw new FrameError(`not a msgpack frame: ${(error as Error).message}`);
  }
  const parsed = v.safeParse(schema, value, { abortEarly: true });
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  throw new FrameError(`not a frame of ${SUMMARY}: ${v.getDotPath(issue) ?? 'the whole'}: ${issue.message}`);
}

const SUMMARY = 'veritab.1';

/** Reads what a miner sent. Throws `FrameError`, never anything else. */
export function decodeMinerFrame(bytes: Uint8Array): MinerFrame {
  return decodeAs(minerFrame, bytes);
}

/** Reads what a coordinator sent. Throws `FrameError`, never anything else. */
export function decodeCoordinatorFrame(bytes: Uint8Array): CoordinatorFrame {
  return decodeAs(coordinatorFrame, bytes);
}
