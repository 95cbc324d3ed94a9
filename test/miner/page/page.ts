/** What the test of a tab's storage calls in a page. Blobs travel as lists of numbers. */
import { indexedDbStorage } from '../../../web/client/indexed-db.ts';
import { SESSION_RECORD } from '../../../web/miner/session.ts';
import { tabStorage } from '../../../web/miner/tab-storage.ts';

const storage = tabStorage(indexedDbStorage(), navigator.locks);

const actions = {
  put: (hash: string, bytes: number[]) => storage.blobs.put(hash, Uint8Array.from(bytes)),
  async get(hash: string) {
    const bytes = await storage.blobs.get(hash);
    return bytes && { isBytes: bytes instanceof Uint8Array, bytes: [...bytes] };
  },
  has: (hash: string) => storage.blobs.has(hash),
  remove: (hash: string) => storage.blobs.delete(hash),
  entries: () => storage.blobs.entries(),
  clear: () => storage.blobs.clear(),
  record: (name: string) => storage.records.get(name),
  setRecord: (name: string, value: unknown) => storage.records.set(name, value),
  removeRecord: (name: string) => storage.records.delete(name),
  session: () => storage.records.get(`${SESSION_RECORD}5F`),
  setSession: (value: string) => storage.records.set(`${SESSION_RECORD}5F`, value),
};

export type StorageActions = typeof actions;

Object.assign(globalThis, { actions });
document.documentElement.dataset.ready = '';
