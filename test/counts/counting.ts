/** Kernels that count what a proof costs, in units that no machine changes. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { instantiateKernels } from '../../wasm/runtime/instance.ts';
import { JOBS } from '../../wasm/runtime/jobs.ts';
import type { Kernels } from '../../wasm/runtime/kernels.ts';
import { kernelModule } from '../support/kernels.ts';
import { instrumented, simd, type Counter } from './instrument.ts';

export interface Counts {
  /** Products of 32-bit words, which is what a base field multiplication is; a multiplication in K is sixteen. */
  readonly products: number;
  /** Products of 16-bit numbers: eight an instruction, in integer layers and where small integers meet field elements. */
  readonly smallProducts: number;
  /** Bytes that go into BLAKE3: leaves, nodes, transcript. Grinding is left out: it ends by chance. */
  readonly hashedBytes: number;
  /** Jobs with work for more than one thread: each ends with all waiting for the slowest. */
  readonly barriers: number;
}

const PRODUCTS: Counter = {
  name: 'products',
  weights: new Map([
    [0x7e, 1n], // i64.mul
    [simd(181), 4n], // i32x4.mul
    [simd(213), 2n], // i64x2.mul
    [simd(220), 2n], // i64x2.extmul_low_i32x4_s, high_s, low_u, high_u
    [simd(221), 2n],
    [simd(222), 2n],
    [simd(223), 2n],
  ]),
};

const SMALL_PRODUCTS: Counter = {
  name: 'smallProducts',
  weights: new Map([
    [simd(149), 8n], // i16x8.mul
    [simd(156), 8n], // i16x8.extmul_low_i8x16_s, high_s, low_u, high_u
    [simd(157), 8n],
    [simd(158), 8n],
    [simd(159), 8n],
    [simd(186), 8n], // i32x4.dot_i16x8_s
    [simd(188), 4n], // i32x4.extmul_low_i16x8_s, high_s, low_u, high_u
    [simd(189), 4n],
    [simd(190), 4n],
    [simd(191), 4n],
  ]),
};

/** Bytes that a job hashes. */
function hashedByJob(job: number, args: readonly number[], items: number): number {
  if (job === JOBS.hashColumns) return 16 * args[1]! * 4 * items; // sixteen columns an item, of so many words
  if (job === JOBS.hashNodes) return 64 * 4 * items;
  return 0;
}

export interface CountingKernels {
  readonly kernels: Kernels;
  /** Everything since the start. */
  counts(): Counts;
}

/** Kernels on one thread, from the module that is built for release, with counters put into it. */
export async function countingKernels(): Promise<CountingKernels> {
  await kernelModule();
  const file = await readFile(join(import.meta.dirname, '../../wasm/kernels/build/kernels.wasm'));
  const real = instantiateKernels(await WebAssembly.compile(instrumented(file, [PRODUCTS, SMALL_PRODUCTS])));
  const globals = real.exports as unknown as Record<string, WebAssembly.Global<'i64'>>;
  let hashedBytes = 0;
  let barriers = 0;
  const exports: Kernels['exports'] = {
    ...real.exports,
    deriveKey(...words) {
      hashedBytes += words[2]!;
      return real.exports.deriveKey!(...words);
    },
  };
  const parallel: Kernels['parallel'] = (job, args, count, grain) => {
    hashedBytes += hashedByJob(job, args, count);
    if (count > grain) barriers++;
    real.parallel(job, args, count, grain);
  };
  return {
    kernels: {
      exports,
      parallel,
      arena: real.arena,
      threads: real.threads,
      get bytes() {
        return real.bytes;
      },
      get words() {
        return real.words;
      },
      get signed() {
        return real.signed;
      },
    },
    counts: () => ({
      products: Number(globals[PRODUCTS.name]!.value),
      smallProducts: Number(globals[SMALL_PRODUCTS.name]!.value),
      hashedBytes,
      barriers,
    }),
  };
}
