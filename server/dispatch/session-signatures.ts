/**
 * Ed25519 by OpenSSL, for what is signed with every proof: 0.1 ms, where `wire/keys.ts` takes several. A session's key has proved to be a canonical point of the prime order at its hello, by
 * `sessionKeySigned`; from then on both accept the same signatures, but for those that only a cofactored check would accept, which no honest signer makes.
 */
import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';

/** DER around a raw key (RFC 8410): SubjectPublicKeyInfo and PrivateKeyInfo. */
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

/** Whether a session key signed a message. False, never an exception, for what is no key or no signature. */
export function signedBySession(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  let key: KeyObject;
  try {
    key = createPublicKey({ key: Buffer.concat([SPKI, publicKey]), format: 'der', type: 'spki' });
  } catch {
    return false;
  }
  return signature.length === 64 && verify(null, message, key, signature);
}

/** Signs with a 32-byte secret; the same signature that `sessionKeyFromSecret` gives (RFC 8032 is deterministic). */
export function signer(secret: Uint8Array): (message: Uint8Array) => Uint8Array {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, secret]), format: 'der', type: 'pkcs8' });
  return (message) => new Uint8Array(sign(null, message, key));
}
