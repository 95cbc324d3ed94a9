/** What the network's edge keeps between sessions, as it sees it: blobs and small records. Pages keep them in IndexedDB, Node on disk; here is a third kind, which forgets. */

/** Files by their BLAKE3 hash, 64 lower-case hexadecimal digits. A store says nothing about what it holds: `createBlobs` checks it. */
export interface BlobStore {
  /** Null where it is not there. */
  get(hash: string): Promise<Uint8Array | null>;
  has(hash: string): Promise<boolean>;
  put(hash: string, bytes: Uint8Array): Promise<void>;
  delete(hash: string): Promise<void>;
  /** What is there, the longest unused first. */
  entries(): Promise<readonly { readonly hash: string; readonly bytes: number }[]>;
  clear(): Promise<void>;
}

/** Small values by name: plain data as JSON has it. What comes back is to be checked: the disk is not ours alone. */
export interface Records {
  /** Null where it is not there. */
  get(name: string): Promise<unknown>;
  set(name: string, value: unknown): Promise<void>;
  delete(name: string): Promise<void>;
}

export interface Storage {
  readonly blobs: BlobStore;
  readonly records: Records;
}

/** Storage that lasts as long as its owner. */
export function memoryStorage(): Storage {
  const files = new Map<string, Uint8Array>();
  const values = new Map<string, string>();
  return {
    blobs: {
      async get(hash) {
        const bytes = files.get(hash) ?? null;
        if (bytes !== null) {
          files.delete(hash);
          files.set(hash, bytes);
        }
        return bytes;
      },
      has: async (hash) => files.has(hash),
      async put(hash, bytes) {
        files.set(hash, bytes);
      },
      async delete(hash) {
        files.delete(hash);
      },
      entries: async () => Array.from(files, ([hash, { length }]) => ({ hash, bytes: length })),
      async clear() {
        files.clear();
      },
    },
    records: {
      async get(name) {
        const text = values.get(name);
        return text === undefined ? null : (JSON.parse(text) as unknown);
      },
      async set(name, value) {
        values.set(name, JSON.stringify(value));
      },
      async delete(name) {
        values.delete(name);
      },
    },
  };
}
