/** The worker that names blobs: a megabyte takes some 30 ms, in which the coordinator's thread has other things to do. */
import { parentPort } from 'node:worker_threads';
import { blake3 } from '@noble/hashes/blake3.js';
import type { HashOrder, HashResult } from './hashing.ts';

if (parentPort === null) throw new Error('hash-worker is the entry of a worker');
const port = parentPort;
port.on('message', ({ id, bytes }: HashOrder) => {
  port.postMessage({ id, hash: blake3(bytes) } satisfies HashResult);
});
