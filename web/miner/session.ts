/** Sessions: a hotkey certifies a short-lived key, once; the certificate serves every connection until it expires. */
import { bytesToHex } from '@noble/hashes/utils.js';
import type { Frame } from '../../server/wire/frames.ts';
import { sessionKeyFromSecret, type SessionKey } from '../../server/wire/keys.ts';
import { certificateHolds, certificateText, possessionStatement, type SessionCertificate } from '../../server/wire/statements.ts';
import type { Records } from '../client/storage.ts';
import type { Identity } from './identity.ts';

export interface Session {
  readonly certificate: SessionCertificate;
  readonly key: SessionKey;
}

/** A certificate is not used in its last minute: it could expire on its way. */
const MARGIN = 60_000;

export interface Sessions {
  /** The session to answer a challenge with: the one there is, or a new one, for which the hotkey signs. Rejects where its owner refuses. */
  answer(challenge: Frame<'challenge'>): Promise<Session>;
  /** The next challenge is answered with a new session. */
  forget(): Promise<void>;
}

/** What is signed on a connection to show that the session's key is there. */
export function possession({ key }: Session, challenge: Frame<'challenge'>): Uint8Array {
  return key.sign(possessionStatement(challenge.nonce));
}

function bytesIn(value: unknown, length: number): Uint8Array | null {
  if (typeof value !== 'string' || value.length !== 2 * length || !/^[0-9a-f]*$/.test(value)) return null;
  return Uint8Array.from({ length }, (_, n) => Number.parseInt(value.slice(2 * n, 2 * n + 2), 16));
}

function toRecord(certificate: SessionCertificate, secret: Uint8Array): unknown {
  const { origin, coordinator, nonce, expires, signature } = certificate;
  return { origin, coordinator, nonce: bytesToHex(nonce), expires, signature: bytesToHex(signature), secret: bytesToHex(secret) };
}

/** The session of a record, or null where the record holds none of this hotkey's. */
function fromRecord(record: unknown, hotkey: Uint8Array): Session | null {
  if (typeof record !== 'object' || record === null) return null;
  const fields = record as Readonly<Record<string, unknown>>;
  const { origin, coordinator, expires } = fields;
  const [nonce, signature, secret] = [bytesIn(fields.nonce, 32), bytesIn(fields.signature, 64), bytesIn(fields.secret, 32)];
  if (typeof origin !== 'string' || typeof coordinator !== 'string' || typeof expires !== 'number') return null;
  if (nonce === null || signature === null || secret === null) return null;
  const key = sessionKeyFromSecret(secret);
  const certificate = { origin, coordinator, hotkey, session: key.publicKey, nonce, expires, signature };
  return certificateHolds(certificate) ? { certificate, key } : null;
}

/** What the names of sessions' records begin with. */
export const SESSION_RECORD = 'session ';

/** Sessions of a hotkey, kept in `records` under a name of their own. */
export function createSessions(identity: Identity, records: Records, random: (bytes: number) => Uint8Array, now: () => number): Sessions {
  const name = `${SESSION_RECORD}${identity.address}`;
  let current: Session | null = null;
  let loaded = false;

  return {
    async answer({ nonce, origin, coordinator, expires }) {
      if (!loaded) {
        current = fromRecord(await records.get(name), identity.hotkey);
        loaded = true;
      }
      const known = current?.certificate;
      if (current && known?.origin === origin && known.coordinator === coordinator && known.expires > now() + MARGIN) return current;
      const secret = random(32);
      const key = sessionKeyFromSecret(secret);
      const draft = { origin, coordinator, hotkey: identity.hotkey, session: key.publicKey, nonce, expires };
      const certificate = { ...draft, signature: await identity.signText(certificateText(draft)) };
      if (!certificateHolds(certificate)) throw new Error('the signature is not that of the hotkey for the text that it was asked to sign');
      current = { certificate, key };
      await records.set(name, toRecord(certificate, secret));
      return current;
    },
    async forget() {
      current = null;
      loaded = true;
      await records.delete(name);
    },
  };
}
