/** What the pages pass to the client and the miner: this browser. */
import { browserPlatform } from '../../wasm/runtime/browser.ts';
import { systemClock, systemRandom } from '../client/clock.ts';
import { createClient } from '../client/create-client.ts';
import type { Client } from '../client/client.ts';
import { memoryStorage, type Storage } from '../client/storage.ts';

/** What this browser keeps between visits. */
export function pageStorage(): Storage {
  return memoryStorage();
}

/** A client of the coordinator at this address. */
export function pageClient(coordinator: string, storage: Storage): Client {
  return createClient({ coordinator, storage, fetch: pageFetch, prover: browserPlatform, clock: systemClock, random: systemRandom });
}

/** The browser's fetch, which must be called as a function of the page. */
export const pageFetch: typeof fetch = (...request) => fetch(...request);
