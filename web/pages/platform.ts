/** What the pages pass to the client and the miner: this browser. */
import { browserPlatform } from '../../wasm/runtime/browser.ts';
import { systemClock, systemRandom } from '../client/clock.ts';
import { createClient } from '../client/create-client.ts';
import type { Client } from '../client/client.ts';
import { indexedDbStorage } from '../client/indexed-db.ts';
import type { Storage } from '../client/storage.ts';

/** What this browser keeps between visits. */
export function pageStorage(): Storage {
  return indexedDbStorage();
}

/** A client of the coordinator at this address. */
export function pageClient(coordinator: string, storage: Storage): Client {
  return createClient({ coordinator, storage, fetch: pageFetch, prover: browserPlatform, clock: systemClock, random: systemRandom });
}

/** The browser's fetch, which must be called as a function of the page. */
export const pageFetch: typeof fetch = (...request) => fetch(...request);

/** Keeps the pages in this browser for when there is no network, where it lets a page do so (HTTPS, or this machine). */
export function keepPages(): void {
  const { serviceWorker } = navigator as Partial<Navigator>;
  // Without it everything works as long as there is a network.
  serviceWorker?.register('/service-worker.js').catch(() => undefined);
}
