/**
 * Keys and signatures of the network. A miner's hotkey and a coordinator's are sr25519 public keys, written as SS58 addresses with prefix 42; what is signed often, is signed by a short-lived
 * Ed25519 key that a hotkey has certified. Sources: RFC 8032; the SS58 format of Substrate; schnorrkel, context "substrate", as wallets sign.
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import { blake2b } from '@noble/hashes/blake2.js';
import { base58 } from '@scure/base';
import { getPublicKey, secretFromSeed, sign, verify } from '@scure/sr25519';

/** SS58 prefix of addresses that belong to no chain in particular, Bittensor's too. */
const SS58_PREFIX = 42;
const SS58_CONTEXT = new TextEncoder().encode('SS58PRE');

/** The address of a 32-byte public key. */
export function addressOf(key: Uint8Array): string {
  const body = Uint8Array.of(SS58_PREFIX, ...key);
  return base58.encode(Uint8Array.of(...body, ...checksum(body)));
}

/** The public key of an address, or null where it is none (wrong letters, length, prefix or checksum). */
export function keyOf(address: string): Uint8Array | null {
  if (address.length > 64) return null;
  let bytes: Uint8Array;
  try {
    bytes = base58.decode(address);
  } catch {
    return null;
  }
  if (bytes.length !== 35 || bytes[0] !== SS58_PREFIX) return null;
  const body = bytes.subarray(0, 33);
  return checksum(body).every((byte, n) => byte === bytes[33 + n]) ? body.slice(1) : null;
}

function checksum(body: Uint8Array): Uint8Array {
  return blake2b(Uint8Array.of(...SS58_CONTEXT, ...body), { dkLen: 64 }).subarray(0, 2);
}

/** An sr25519 key that can sign. */
export interface Hotkey {
  readonly publicKey: Uint8Array;
  readonly address: string;
  sign(message: Uint8Array): Uint8Array;
}

/** The hotkey of a 32-byte seed (the "mini secret" of schnorrkel). */
export function hotkeyFromSeed(seed: Uint8Array): Hotkey {
  const secret = secretFromSeed(seed);
  const publicKey = getPublicKey(secret);
  return { publicKey, address: addressOf(publicKey), sign: (message) => sign(secret, message) };
}

const WRAP_BEGIN = new TextEncoder().encode('<Bytes>');
const WRAP_END = new TextEncoder().encode('</Bytes>');

/**
 * Whether a hotkey signed a message, either as it is or wrapped in `<Bytes>..</Bytes>`, as wallet extensions do. False, never an exception, for what is no key or no signature.
 */
export function hotkeySigned(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const wrapped = Uint8Array.of(...WRAP_BEGIN, ...message, ...WRAP_END);
  return [message, wrapped].some((signed) => {
    try {
      return verify(signed, signature, publicKey);
    } catch {
      return false;
    }
  });
}

/** An Ed25519 key that can sign. */
export interface SessionKey {
  readonly publicKey: Uint8Array;
  sign(message: Uint8Array): Uint8Array;
}

/** The session key of a 32-byte secret. */
export function sessionKeyFromSecret(secret: Uint8Array): SessionKey {
  return { publicKey: ed25519.getPublicKey(secret), sign: (message) => ed25519.sign(message, secret) };
}

/** Whether a session key signed a message. False, never an exception, for what is no key or no signature. Cofactored, canonical points only (RFC 8032). */
export function sessionKeySigned(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    return ed25519.verify(signature, message, publicKey, { zip215: false });
  } catch {
    return false;
  }
}
