import { blake3 } from '@noble/hashes/blake3.js';
import { describe, expect, it } from 'vitest';
import { JOBS } from '../../wasm/runtime/jobs.ts';
import { deriveKey, deriveKeyAt, placeKey, type HashContext } from '../../wasm/transcript/hashing.ts';
import { loadKernels } from '../support/kernels.ts';
import { seededGenerator } from '../support/random.ts';

const kernels = await loadKernels();
const random = seededGenerator(3);
const text = (name: string): Uint8Array => Uint8Array.from(name, (c) => c.charCodeAt(0));
const standard = (context: HashContext, data: Uint8Array, dkLen = 32): Uint8Array =>
  blake3(data, { context: text(`veritab 1 ${context}`), dkLen });
const bytes = (n: number): Uint8Array => Uint8Array.from({ length: n }, () => Math.floor(random() * 256));

describe('BLAKE3 in the kernels', () => {
  it('is standard BLAKE3 in derive-key mode at every kind of length', () => {
    for (const context of ['leaf', 'node', 'transcript', 'squeeze', 'grind', 'circuit', 'weights'] as const) {
      for (const length of [0, 1, 3, 63, 64, 65, 127, 128, 1023, 1024, 1025, 2048, 2049, 3073, 4096, 4097, 5120, 9000, 31744]) {
        const data = bytes(length);
        expect(deriveKey(kernels, context, data), `${context} ${length}`).toEqual(standard(context, data));
      }
    }
  });

  it('extends its output as standard BLAKE3 does', () => {
    for (const length of [0, 40, 64, 100, 1024, 3000]) {
      const data = bytes(length);
      const input = kernels.arena.allocate(length + 1);
      const out = kernels.arena.allocate(1088);
      kernels.bytes.set(data, input);
      deriveKeyAt(kernels, placeKey(kernels, 'squeeze'), input, length, out, 1000);
      expect(kernels.bytes.slice(out, out + 1000)).toEqual(standard('squeeze', data, 1000));
    }
  });

  it('hashes the columns of a matrix and the nodes above them', () => {
    for (const rows of [1, 3, 15, 16, 17, 72, 256]) {
      const columns = 8;
      const data = Uint32Array.from({ length: rows * columns }, () => Math.floor(random() * 2 ** 32));
      const matrix = kernels.arena.allocate(4 * data.length);
      kernels.words.set(data, matrix >>> 2);
      const leaves = kernels.arena.allocate(32 * columns);
      const nodes = kernels.arena.allocate(16 * columns);
      const scratch = kernels.arena.allocate(640);
      kernels.parallel(JOBS.hashColumns, [matrix, rows, columns, placeKey(kernels, 'leaf'), leaves, scratch], columns / 4, 1);
      kernels.parallel(JOBS.hashNodes, [leaves, placeKey(kernels, 'node'), nodes, scratch], columns / 8, 1);
      const digests = Array.from({ length: columns }, (_, j) => {
        const column = Uint32Array.from({ length: rows }, (_, i) => data[i * columns + j]!);
        return standard('leaf', new Uint8Array(column.buffer));
      });
      digests.forEach((digest, j) => {
        expect(kernels.bytes.slice(leaves + 32 * j, leaves + 32 * j + 32)).toEqual(digest);
      });
      for (let j = 0; j < columns / 2; j++) {
        expect(kernels.bytes.slice(nodes + 32 * j, nodes + 32 * j + 32)).toEqual(
          standard('node', Uint8Array.from([...digests[2 * j]!, ...digests[2 * j + 1]!])),
        );
      }
    }
  });
});
