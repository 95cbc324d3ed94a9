/** Storage of a tab that mines. All tabs of a browser share artefacts and the hotkey, but no session: two connections of one session would throw each other out. */
import { memoryStorage, type Records, type Storage } from '../client/storage.ts';
import { SESSION_RECORD } from './session.ts';

/** As much of a browser's lock manager (`navigator.locks`) as is used. */
export interface Locks {
  request(name: string, options: { readonly ifAvailable: true }, held: (lock: unknown) => Promise<void> | undefined): Promise<unknown>;
}

const LOCK = 'veritab miner session';

/** Whether this tab is the one that keeps its session; it then is until it closes. */
function keepsSession(locks: Locks): Promise<boolean> {
  return new Promise((resolve, reject) => {
    locks
      .request(LOCK, { ifAvailable: true }, (lock) => {
        resolve(lock !== null);
        // Held for as long as the page is open.
        return lock === null ? undefined : new Promise<void>(() => undefined);
      })
      .catch(reject);
  });
}

/** The storage, of which sessions are this tab's only where no other tab has them; else they are kept in memory. */
export function tabStorage(storage: Storage, locks: Locks): Storage {
  const own = memoryStorage().records;
  let keeps: Promise<boolean> | null = null;
  const recordsFor = async (name: string): Promise<Records> => {
    if (!name.startsWith(SESSION_RECORD)) return storage.records;
    keeps ??= keepsSession(locks).catch(() => false);
    return (await keeps) ? storage.records : own;
  };
  return {
    blobs: storage.blobs,
    records: {
      get: async (name) => (await recordsFor(name)).get(name),
      set: async (name, value) => (await recordsFor(name)).set(name, value),
      delete: async (name) => (await recordsFor(name)).delete(name),
    },
  };
}
