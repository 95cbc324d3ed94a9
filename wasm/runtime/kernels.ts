/** How TypeScript sees the kernels: one WebAssembly instance, its memory, and the threads that help it. */

/** The raw exports of the kernel module: numbers in, number out. Addresses come back signed: use `>>> 0`. */
export type KernelExports = Readonly<Record<string, (...words: number[]) => number>>;

/** Bump allocation in the kernels' memory. Addresses are multiples of 64. */
export interface Arena {
  /** Bytes that the memory may have at most. */
  readonly limit: number;
  /** Address of `bytes` fresh bytes (not cleared). Grows the memory; throws `OutOfMemory` where it cannot. */
  allocate(bytes: number): number;
  /** The present top, to be handed to `release`. */
  mark(): number;
  /** Frees everything allocated since `mark`. */
  release(mark: number): void;
  /** Largest top so far, in bytes, since the last `resetPeak`. */
  readonly peak: number;
  resetPeak(): void;
}

export interface Kernels {
  readonly exports: KernelExports;
  readonly arena: Arena;
  /** Participants of `parallel`, this thread included. */
  readonly threads: number;
  /** Views of the whole memory; read them anew after any allocation (they are replaced when the memory grows). */
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  readonly signed: Int32Array;
  /**
   * Runs job number `job` (see kernels/jobs.ts) over items 0 .. count - 1 in chunks of `grain` on all threads, and returns when all are done; with one thread, or count <= grain, it
   * is a plain call with part 0. `args`: words, copied to a block whose address the job gets.
   */
  parallel(job: number, args: readonly number[], count: number, grain: number): void;
}
