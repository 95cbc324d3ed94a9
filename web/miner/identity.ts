/** Who mines: a hotkey, and whoever signs for it. */
import { hotkeyFromSeed } from '../../server/wire/keys.ts';

/** A hotkey that signs texts: one of our own at once, a wallet's when its owner agrees. */
export interface Identity {
  /** 32 bytes. */
  readonly hotkey: Uint8Array;
  /** SS58, prefix 42. */
  readonly address: string;
  /** The 64 bytes of an sr25519 signature of the text, as it is or wrapped in `<Bytes>..</Bytes>`. Rejects where its owner refuses. */
  signText(text: string): Promise<Uint8Array>;
  /** Whether somebody is asked for each signature; then none is asked for without need. */
  readonly asks: boolean;
}

/** The identity of a 32-byte seed. Throws `RangeError` for another length. */
export function seedIdentity(seed: Uint8Array): Identity {
  if (seed.length !== 32) throw new RangeError(`a hotkey's seed has 32 bytes, not ${seed.length}`);
  const key = hotkeyFromSeed(seed);
  return { hotkey: key.publicKey, address: key.address, asks: false, signText: async (text) => key.sign(new TextEncoder().encode(text)) };
}
