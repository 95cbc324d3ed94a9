/** One instance of the kernel module on a memory of its own or a shared one, as `Kernels`. */
import { createArena, PAGE } from './arena.ts';
import { ARENA, ARGUMENTS, CONTROL, failureOf } from './control.ts';
import type { Arena, KernelExports, Kernels } from './kernels.ts';

/**
 * Largest memory in pages, and what is tried where the system has no room for so much address space. One page less than 4 GiB, so that no address one past the
 * end of something wraps to 0.
 */
const MAXIMUM_PAGES = [65535, 32768, 16384, 4096] as const;

/** Words that `parallel` may hand to a job. */
export const MAX_ARGUMENTS = (ARENA - ARGUMENTS) / 4;

/** A kernel trapped: its instance, and every other one on the same memory, must not be used again. */
export class KernelFailure extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'KernelFailure';
  }
}

/** Memory for the kernels, shared so that threads may join. `maximumPages` is a hard limit of 64 KiB each, 2 .. 65535; default: as much as there can be. */
export function createMemory(maximumPages?: number): WebAssembly.Memory {
  const candidates = maximumPages === undefined ? MAXIMUM_PAGES : [maximumPages];
  for (const [k, maximum] of candidates.entries()) {
    try {
      return new WebAssembly.Memory({ initial: 2, maximum, shared: true });
    } catch (error) {
      if (!(error instanceof RangeError) || k === candidates.length - 1) throw error;
    }
  }
  throw new RangeError('no size of memory to try');
}

/** Exports of the module on a memory. Every thread has its own. */
export function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): KernelExports {
  return new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as KernelExports;
}

class KernelInstance implements Kernels {
  readonly exports: KernelExports;
  readonly arena: Arena;
  readonly threads: number;
  readonly #memory: WebAssembly.Memory;
  /** Plain fields, not accessors: they are read in every small function. */
  bytes!: Uint8Array;
  words!: Uint32Array;
  signed!: Int32Array;
  #failure: KernelFailure | null = null;

  constructor(module: WebAssembly.Module, memory: WebAssembly.Memory, limit: number, threads: number) {
    this.exports = instantiate(module, memory);
    this.threads = threads;
    this.#memory = memory;
    this.arena = createArena(memory, ARENA, limit, () => this.#view());
    this.#view();
  }

  /** The old views of a shared memory that grew stay valid, but end where it ended. */
  #view(): void {
    const { buffer } = this.#memory;
    this.bytes = new Uint8Array(buffer);
    this.words = new Uint32Array(buffer);
    this.signed = new Int32Array(buffer);
  }

  parallel(job: number, args: readonly number[], count: number, grain: number): void {
    if (this.#failure !== null) throw this.#failure;
    if (args.length > MAX_ARGUMENTS) throw new RangeError(`a job takes at most ${MAX_ARGUMENTS} words, got ${args.length}`);
    if (!(count >= 0 && count < 2 ** 31 && grain >= 1)) throw new RangeError(`no work: ${count} items in chunks of ${grain}`);
    if (count === 0) return;
    for (let k = 0; k < args.length; k++) this.words[ARGUMENTS / 4 + k] = args[k]!;
    let helperTrapped;
    try {
      if (this.threads === 1 || count <= grain) {
        this.exports.runJob!(job, ARGUMENTS, 0, 0, count);
        return;
      }
      helperTrapped = this.exports.parallel!(job, ARGUMENTS, count, grain, CONTROL) !== 0;
    } catch (cause) {
      this.#failure = new KernelFailure(`job ${job} trapped: ${String(cause)}`, { cause });
      throw this.#failure;
    }
    if (helperTrapped) {
      this.#failure = new KernelFailure(`job ${job} trapped: ${failureOf(this.#memory)}`);
      throw this.#failure;
    }
  }
}

/**
 * An instance of the kernel module. With `threads` more than 1 the caller must have as many threads less one join it (`startThreads` of threads.ts), and must
 * not be the main thread of a page, which may not wait. `memory` must be fresh; by default one is made.
 */
export function instantiateKernels(
  module: WebAssembly.Module,
  options: { memory?: WebAssembly.Memory; maximumPages?: number | undefined; threads?: number } = {},
): Kernels {
  const { threads = 1, maximumPages = MAXIMUM_PAGES[0] } = options;
  if (!Number.isInteger(threads) || threads < 1) throw new RangeError(`expected at least one thread, got ${threads}`);
  const memory = options.memory ?? createMemory(options.maximumPages);
  return new KernelInstance(module, memory, maximumPages * PAGE, threads);
}
