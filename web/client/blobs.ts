/** Blobs: big things, named by their BLAKE3 hash. They come from a coordinator over HTTP, are checked against their names, and are kept. */
import { blake3 } from '@noble/hashes/blake3.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import type { BlobStore } from './storage.ts';

/** A blob that is not to be had, or that is not what its name says. */
export class BlobFailure extends Error {
  override readonly name = 'BlobFailure';
  /** 64 hexadecimal digits. */
  readonly hash: string;

  constructor(hash: string, message: string, options?: ErrorOptions) {
    super(`blob ${hash.slice(0, 8)}...: ${message}`, options);
    this.hash = hash;
  }
}

export interface BlobOptions {
  /** Longer blobs are refused. Bytes. */
  readonly limit: number;
  readonly signal?: AbortSignal | undefined;
}

export interface Blobs {
  /** From the store or the coordinator. Rejects with `BlobFailure`, or with the signal's reason. */
  get(hash: string, options: BlobOptions): Promise<Uint8Array>;
  has(hash: string): Promise<boolean>;
  usage(): Promise<{ readonly count: number; readonly bytes: number }>;
  clear(): Promise<void>;
}

/** Bytes that are hashed in one go: some 40 ms. */
const STEP = 2 ** 20;

/** Lets whatever else waits have its turn. Not a timer: those of hidden pages wait for a second. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

/** The name of a blob, computed without holding up the page. */
export async function blobHash(bytes: Uint8Array): Promise<string> {
  const hash = blake3.create({});
  for (let at = 0; at < bytes.length; at += STEP) {
    if (at > 0) await turn();
    hash.update(bytes.subarray(at, at + STEP));
  }
  return bytesToHex(hash.digest());
}

/** An address below a coordinator's, which may have a path of its own. */
export function addressAt(coordinator: string, path: string): string {
  return `${coordinator.replace(/\/+$/, '')}${path}`;
}

/** The body of an answer, refused as soon as it is longer than `limit`. */
export async function bodyOf(response: Response, limit: number): Promise<Uint8Array> {
  const tooLong = (): Error => new Error(`it is longer than ${limit} bytes`);
  if (Number(response.headers.get('content-length') ?? 0) > limit) throw tooLong();
  const parts: Uint8Array[] = [];
  let length = 0;
  const reader = response.body?.getReader();
  for (let read = await reader?.read(); read && !read.done; read = await reader!.read()) {
    length += read.value.length;
    if (length > limit) {
      await reader!.cancel();
      throw tooLong();
    }
    parts.push(read.value);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/**
 * Blobs of a coordinator. The same one is not fetched twice at a time. `capacity`: bytes that the store may hold; what was unused for longest goes first.
 */
export function createBlobs(coordinator: string, fetch: typeof globalThis.fetch, store: BlobStore, capacity = 2 ** 30): Blobs {
  const underWay = new Map<string, Promise<Uint8Array>>();

  async function fetched(hash: string, { limit, signal }: BlobOptions): Promise<Uint8Array> {
    let bytes: Uint8Array;
    try {
      const response = await fetch(addressAt(coordinator, `/v1/blobs/${hash}`), signal ? { signal } : {});
      if (!response.ok) throw new Error(`the coordinator answers ${response.status}`);
      bytes = await bodyOf(response, limit);
    } catch (cause) {
      signal?.throwIfAborted();
      throw new BlobFailure(hash, `cannot be fetched: ${(cause as Error).message}`, { cause });
    }
    const got = await blobHash(bytes);
    if (got !== hash) throw new BlobFailure(hash, `what came has another hash, ${got}`);
    await keep(hash, bytes);
    return bytes;
  }

  /** A full disk costs a download the next time, nothing else. */
  async function keep(hash: string, bytes: Uint8Array): Promise<void> {
    if (bytes.length > capacity) return;
    try {
      const entries = await store.entries();
      let total = entries.reduce((sum, entry) => sum + entry.bytes, bytes.length);
      for (const entry of entries) {
        if (total <= capacity) break;
        await store.delete(entry.hash);
        total -= entry.bytes;
      }
      await store.put(hash, bytes);
    } catch (error) {
      await store.delete(hash).catch(() => undefined);
      console.warn(`blob ${hash} is not kept: ${(error as Error).message}`);
    }
  }

  async function stored(hash: string, limit: number): Promise<Uint8Array | null> {
    const bytes = await store.get(hash);
    if (bytes === null) return null;
    if (bytes.length <= limit && (await blobHash(bytes)) === hash) return bytes;
    await store.delete(hash);
    return null;
  }

  return {
    async get(hash, options) {
      options.signal?.throwIfAborted();
      const known = await stored(hash, options.limit);
      if (known !== null) return known;
      // Whoever shares a download shares its end: another's abort is tried again.
      const other = underWay.get(hash);
      if (other !== undefined) {
        try {
          return await other;
        } catch {
          options.signal?.throwIfAborted();
        }
      }
      const own = fetched(hash, options);
      underWay.set(hash, own);
      try {
        return await own;
      } finally {
        if (underWay.get(hash) === own) underWay.delete(hash);
      }
    },
    has: (hash) => store.has(hash),
    async usage() {
      const entries = await store.entries();
      return { count: entries.length, bytes: entries.reduce((sum, { bytes }) => sum + bytes, 0) };
    },
    clear: () => store.clear(),
  };
}
