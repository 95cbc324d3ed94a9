/** The key that this tab mines with: made at the first visit, kept in this browser, exported and imported as a hotkey file. */
import { signal, type ReadonlySignal } from '@preact/signals';
import type { Records } from '../../client/storage.ts';
import { readKeyFile, writeKeyFile } from '../../miner/key-file.ts';

export interface Keyring {
  /** 32 bytes; null until it has been read. */
  readonly seed: ReadonlySignal<Uint8Array | null>;
  load(): Promise<void>;
  /** The hotkey file. It holds the secret. */
  exported(): string;
  /** Puts another key in place of the one there is. Rejects with `KeyFileError`. */
  imported(file: Blob): Promise<void>;
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
  return {
    seed,
    async load() {
      const kept = seedIn(await records.get(RECORD));
      const own = kept ?? random(32);
      if (kept === null) await records.set(RECORD, writeKeyFile(own));
      seed.value = own;
    },
    exported: () => writeKeyFile(seed.value!),
    async imported(file) {
      const own = readKeyFile(await file.text());
      await records.set(RECORD, writeKeyFile(own));
      seed.value = own;
    },
  };
}
