/** BLAKE3 names of blobs: of small ones here, of large ones in a worker. */
import { Worker } from 'node:worker_threads';
import { blake3 } from '@noble/hashes/blake3.js';
import { bytesToHex } from '@noble/hashes/utils.js';

export interface HashOrder {
  readonly id: number;
  readonly bytes: Uint8Array;
}

export interface HashResult {
  readonly id: number;
  readonly hash: Uint8Array;
}

/** Up to this many bytes are hashed at once: half a millisecond. */
const SMALL = 16 * 1024;

const ENTRY = new URL(import.meta.url.endsWith('.ts') ? './hash-worker.mjs' : './hash-worker.js', import.meta.url);

interface Waiting {
  readonly resolve: (hash: Uint8Array) => void;
  readonly reject: (error: Error) => void;
}

let live: { readonly worker: Worker; readonly waiting: Map<number, Waiting> } | null = null;
let orders = 0;

/** The worker, one for the process; it keeps the process alive only while somebody waits for a hash. */
function hashWorker(): NonNullable<typeof live> {
  if (live !== null) return live;
  const own = { worker: new Worker(ENTRY, { name: 'hashing', execArgv: [] }), waiting: new Map<number, Waiting>() };
  own.worker.on('message', ({ id, hash }: HashResult) => {
    own.waiting.get(id)?.resolve(hash);
    own.waiting.delete(id);
    if (own.waiting.size === 0) own.worker.unref();
  });
  const fail = (error: Error): void => {
    if (live === own) live = null;
    for (const { reject } of own.waiting.values()) reject(error);
    own.waiting.clear();
  };
  own.worker.on('error', (error) => fail(error));
  own.worker.on('exit', (code) => fail(new Error(`the hashing worker ended with exit code ${code}`)));
  live = own;
  return own;
}

/** The name that some bytes have as a blob: their BLAKE3, 64 hexadecimal digits. */
export async function blobName(bytes: Uint8Array): Promise<string> {
  if (bytes.length <= SMALL) return bytesToHex(blake3(bytes));
  const { worker, waiting } = hashWorker();
  const id = orders++;
  const hash = await new Promise<Uint8Array>((resolve, reject) => {
    waiting.set(id, { resolve, reject });
    worker.ref();
    worker.postMessage({ id, bytes } satisfies HashOrder);
  });
  return bytesToHex(hash);
}
