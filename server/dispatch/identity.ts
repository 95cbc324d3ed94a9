/** Who a coordinator is. Coordinators of one network share a hotkey, and with it the key that signs verdicts: a bundle names one of each. */
import { blake3 } from '@noble/hashes/blake3.js';
import { hotkeyFromSeed, sessionKeyFromSecret, type SessionKey } from '../wire/keys.ts';
import { coordinatorStatement, type CoordinatorIdentity } from '../wire/statements.ts';
import { signer } from './session-signatures.ts';

export interface CoordinatorKeys {
  readonly identity: CoordinatorIdentity;
  /** SS58 address of the hotkey. */
  readonly address: string;
  /** Signs verdicts. */
  readonly verdictKey: SessionKey;
}

/**
 * The keys of a coordinator that is reached at `origin` (as browsers write it: `https://host:port`).
 * @param seed 32 bytes, the hotkey's; the verdict key follows from it
 */
export function coordinatorKeys(origin: string, seed: Uint8Array): CoordinatorKeys {
  const hotkey = hotkeyFromSeed(seed);
  const secret = blake3(seed, { context: new TextEncoder().encode('veritab 1 verdict key') });
  const verdictKey = { publicKey: sessionKeyFromSecret(secret).publicKey, sign: signer(secret) };
  const signature = hotkey.sign(coordinatorStatement(verdictKey.publicKey));
  return { identity: { origin, hotkey: hotkey.publicKey, key: verdictKey.publicKey, signature }, address: hotkey.address, verdictKey };
}
