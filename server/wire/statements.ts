/**
 * What is signed, and what proofs are bound to: texts and byte strings that both ends of the network, and anyone who opens a bundle, build alike.
 */
import { bytesToHex, concatBytes } from '@noble/hashes/utils.js';
import { hotkeySigned, sessionKeySigned, addressOf, keyOf } from './keys.ts';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

function u32(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  values.forEach((value, n) => view.setUint32(4 * n, value, true));
  return bytes;
}

/** The 16 bytes of a UUID as text. Throws `RangeError` where it is none. */
export function uuidBytes(uuid: string): Uint8Array {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uuid)) throw new RangeError(`not a UUID: ${uuid.slice(0, 64)}`);
  const digits = uuid.replaceAll('-', '');
  return Uint8Array.from({ length: 16 }, (_, n) => Number.parseInt(digits.slice(2 * n, 2 * n + 2), 16));
}

/** By whom and for what a session key was certified. What a hotkey signs is `certificateText`. */
export interface SessionCertificate {
  /** Where the coordinator is reached, `https://host:port`. */
  readonly origin: string;
  /** The coordinator's hotkey, an SS58 address. */
  readonly coordinator: string;
  /** 32 bytes each. */
  readonly hotkey: Uint8Array;
  readonly session: Uint8Array;
  readonly nonce: Uint8Array;
  /** Milliseconds since 1970. */
  readonly expires: number;
  /** 64 bytes, sr25519. */
  readonly signature: Uint8Array;
}

/** The text that a miner signs, once per session, with its hotkey: readable in a wallet. */
export function certificateText({ origin, coordinator, hotkey, session, nonce, expires }: Omit<SessionCertificate, 'signature'>): string {
  return [
    'Veritab miner session',
    `coordinator: ${origin} ${coordinator}`,
    `hotkey: ${addressOf(hotkey)}`,
    `session: ${bytesToHex(session)}`,
    `nonce: ${bytesToHex(nonce)}`,
    `expires: ${new Date(expires).toISOString()}`,
  ].join('\n');
}

/** Whether the hotkey signed the certificate. Says nothing about nonce, origin and time: those are the coordinator's to check. */
export function certificateHolds(certificate: SessionCertificate): boolean {
  const { origin, coordinator, hotkey, session, nonce, expires, signature } = certificate;
  const printable = /^[\x21-\x7e]{1,255}$/;
  if (!printable.test(origin) || keyOf(coordinator) === null || !Number.isSafeInteger(expires) || Math.abs(expires) > 8.64e15) return false;
  if ([hotkey, session, nonce].some(({ length }) => length !== 32) || signature.length !== 64) return false;
  return hotkeySigned(hotkey, text(certificateText(certificate)), signature);
}

/** What a miner signs with its session key on every connection, so that a certificate alone opens nothing. `nonce`: this connection's challenge. */
export function possessionStatement(nonce: Uint8Array): Uint8Array {
  return concatBytes(text('veritab/1 connect\n'), nonce);
}

/** A slice of a request, and who proves it. */
export interface JobIdentity {
  /** UUID. */
  readonly request: string;
  /** Slice k of n, from 0. */
  readonly slice: number;
  readonly slices: number;
  /** 32 bytes. */
  readonly hotkey: Uint8Array;
}

/**
 * The context that a proof is bound to: `veritab/1`, the request's 16 bytes, slice k of n as two u32 (little endian), the hotkey. So a proof serves one slice of one request by one miner, and
 * cannot be copied or replayed. 65 bytes.
 */
export function jobContext({ request, slice, slices, hotkey }: JobIdentity): Uint8Array {
  return concatBytes(text('veritab/1'), uuidBytes(request), u32(slice, slices), hotkey);
}

/** What a miner signs with its session key for each proof. `proofHash`: BLAKE3 of the proof, 32 bytes. */
export function proofStatement(job: string, proofHash: Uint8Array): Uint8Array {
  return concatBytes(text('veritab/1 proof\n'), uuidBytes(job), proofHash);
}

/** What a coordinator found out about a proof. */
export interface JobVerdict extends JobIdentity {
  /** UUID of the job. */
  readonly job: string;
  readonly proofHash: Uint8Array;
  readonly ok: boolean;
  /** From the job frame, or the miner's proof before it, whichever is later, to the last byte of the proof: ms. */
  readonly serviceMs: number;
  readonly proofBytes: number;
}

/** What a coordinator signs with its verdict key, for each proof that it has checked. */
export function verdictStatement(verdict: JobVerdict): Uint8Array {
  const { request, slice, slices, hotkey, job, proofHash, ok, serviceMs, proofBytes } = verdict;
  return concatBytes(
    text('veritab/1 verdict\n'),
    uuidBytes(request),
    uuidBytes(job),
    hotkey,
    proofHash,
    u32(slice, slices, ok ? 1 : 0, serviceMs, proofBytes),
  );
}

/** Who a coordinator is: its hotkey has certified the Ed25519 key that signs its verdicts. */
export interface CoordinatorIdentity {
  readonly origin: string;
  /** 32 bytes, sr25519. */
  readonly hotkey: Uint8Array;
  /** 32 bytes, Ed25519. */
  readonly key: Uint8Array;
  /** 64 bytes, by the hotkey. */
  readonly signature: Uint8Array;
}

/** What a coordinator's hotkey signs. */
export function coordinatorStatement(key: Uint8Array): Uint8Array {
  return text(`Veritab coordinator key\nkey: ${bytesToHex(key)}`);
}

export function coordinatorHolds({ hotkey, key, signature }: CoordinatorIdentity): boolean {
  return hotkey.length === 32 && key.length === 32 && hotkeySigned(hotkey, coordinatorStatement(key), signature);
}

export function verdictHolds(key: Uint8Array, verdict: JobVerdict, signature: Uint8Array): boolean {
  return sessionKeySigned(key, verdictStatement(verdict), signature);
}

/** What the owner of a model signs to publish it. Hashes are BLAKE3 of the files, 64 hexadecimal digits. */
export function publicationText(publication: {
  readonly coordinator: string;
  readonly name: string;
  readonly circuit: string;
  readonly weights: string;
  /** Milliseconds since 1970. */
  readonly time: number;
}): string {
  return [
    'Veritab model publication',
    `coordinator: ${publication.coordinator}`,
    `name: ${publication.name}`,
    `circuit: ${publication.circuit}`,
    `weights: ${publication.weights}`,
    `time: ${new Date(publication.time).toISOString()}`,
  ].join('\n');
}
