/**
 * What a browser keeps, in IndexedDB: `blobs` and, beside them, `entries` (size and last use, so that nobody reads blobs to count them); `records`. Where the browser does not let a page keep anything
 * (private windows, some of them), it is kept in memory, for as long as the page is open.
 */
import { openDB, type DBSchema, type IDBPDatabase } from 'idb';
import { memoryStorage, type BlobStore, type Records, type Storage } from './storage.ts';

interface Schema extends DBSchema {
  blobs: { key: string; value: Uint8Array };
  entries: { key: string; value: { readonly bytes: number; readonly used: number } };
  records: { key: string; value: unknown };
}

type Database = IDBPDatabase<Schema>;

/** Storage under a name; opened when it is first needed. */
export function indexedDbStorage(name = 'veritab'): Storage {
  let opening: Promise<Database | null> | null = null;
  const fallback = memoryStorage();

  function database(): Promise<Database | null> {
    opening ??= openDB<Schema>(name, 1, {
      upgrade(created) {
        created.createObjectStore('blobs');
        created.createObjectStore('entries');
        created.createObjectStore('records');
      },
      // Another tab wants a later version: it gets it, this one opens anew what is left.
      blocking: (_current, _wanted, event) => {
        (event.target as unknown as { close(): void }).close();
        opening = null;
      },
      terminated: () => {
        opening = null;
      },
    }).catch((error: unknown) => {
      console.warn(`nothing is kept in this browser: ${(error as Error).message}`);
      return null;
    });
    return opening;
  }

  async function use<T>(inDatabase: (database: Database) => Promise<T>, otherwise: () => Promise<T>): Promise<T> {
    const open = await database();
    return open === null ? otherwise() : inDatabase(open);
  }

  const blobs: BlobStore = {
    get: (hash) =>
      use(
        async (open) => {
          const transaction = open.transaction(['blobs', 'entries'], 'readwrite');
          const bytes = (await transaction.objectStore('blobs').get(hash)) ?? null;
          if (bytes !== null) await transaction.objectStore('entries').put({ bytes: bytes.length, used: Date.now() }, hash);
          await transaction.done;
          return bytes;
        },
        () => fallback.blobs.get(hash),
      ),
    has: (hash) =>
      use(
        async (open) => (await open.getKey('entries', hash)) !== undefined,
        () => fallback.blobs.has(hash),
      ),
    put: (hash, bytes) =>
      use(
        async (open) => {
          const transaction = open.transaction(['blobs', 'entries'], 'readwrite');
          await Promise.all([
            transaction.objectStore('blobs').put(bytes, hash),
            transaction.objectStore('entries').put({ bytes: bytes.length, used: Date.now() }, hash),
            transaction.done,
          ]);
        },
        () => fallback.blobs.put(hash, bytes),
      ),
    delete: (hash) =>
      use(
        async (open) => {
          const transaction = open.transaction(['blobs', 'entries'], 'readwrite');
          await Promise.all([
            transaction.objectStore('blobs').delete(hash),
            transaction.objectStore('entries').delete(hash),
            transaction.done,
          ]);
        },
        () => fallback.blobs.delete(hash),
      ),
    entries: () =>
      use(
        async (open) => {
          const transaction = open.transaction('entries');
          const [hashes, values] = await Promise.all([transaction.store.getAllKeys(), transaction.store.getAll()]);
          const found = hashes.map((hash, n) => ({ hash, bytes: values[n]!.bytes, used: values[n]!.used }));
          return found.sort((a, b) => a.used - b.used);
        },
        () => fallback.blobs.entries(),
      ),
    clear: () =>
      use(
        async (open) => {
          const transaction = open.transaction(['blobs', 'entries'], 'readwrite');
          await Promise.all([transaction.objectStore('blobs').clear(), transaction.objectStore('entries').clear(), transaction.done]);
        },
        () => fallback.blobs.clear(),
      ),
  };

  const records: Records = {
    get: (key) =>
      use(
        async (open) => (await open.get('records', key)) ?? null,
        () => fallback.records.get(key),
      ),
    set: (key, value) =>
      use(
        async (open) => {
          await open.put('records', value, key);
        },
        () => fallback.records.set(key, value),
      ),
    delete: (key) =>
      use(
        (open) => open.delete('records', key),
        () => fallback.records.delete(key),
      ),
  };

  return { blobs, records };
}
