/** Who this tab mines as: a key made at the first visit and kept in this browser, exported and imported as a hotkey file; or, while the page is open, a wallet's account. */
import { computed, signal, type ReadonlySignal } from '@preact/signals';
import type { Records } from '../../client/storage.ts';
import { seedIdentity, type Identity } from '../../miner/identity.ts';
import { readKeyFile, writeKeyFile } from '../../miner/key-file.ts';

export interface Keyring {
  /** Null until the key has been read. */
  readonly identity: ReadonlySignal<Identity | null>;
  /** Whether it is the browser's own key, not a wallet's. */
  readonly isOwn: ReadonlySignal<boolean>;
  load(): Promise<void>;
  /** The hotkey file of the browser's own key. It holds the secret. */
  exported(): string;
  /** Puts another key in place of the browser's own. Rejects with `KeyFileError`. */
  imported(file: Blob): Promise<void>;
  /** A wallet's account; null: the browser's own key again. */
  wear(wallet: Identity | null): void;
}

const RECORD = 'hotkey';

/** A record's seed, or null where it has none. */
function seedIn(record: unknown): Uint8Array | null {
  try {
    return typeof record === 'string' ? readKeyFile(record) : null;
  } catch {
    return null;
  }
}

export function createKeyring(records: Records, random: (bytes: number) => Uint8Array): Keyring {
  const seed = signal<Uint8Array | null>(null);
  const wallet = signal<Identity | null>(null);
  const own = computed(() => seed.value && seedIdentity(seed.value));
  return {
    identity: computed(() => wallet.value ?? own.value),
    isOwn: computed(() => wallet.value === null),
    async load() {
      const kept = seedIn(await records.get(RECORD));
      const first = kept ?? random(32);
      if (kept === null) await records.set(RECORD, writeKeyFile(first));
      seed.value = first;
    },
    exported: () => writeKeyFile(seed.value!),
    async imported(file) {
      const given = readKeyFile(await file.text());
      await records.set(RECORD, writeKeyFile(given));
      seed.value = given;
      wallet.value = null;
    },
    wear(other) {
      wallet.value = other;
    },
  };
}
