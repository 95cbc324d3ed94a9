/** Bump allocation in the kernels' memory. */
import type { Arena } from './kernels.ts';

export const PAGE = 65536;
export const ALIGNMENT = 64;
/** Kernels may read (not use) up to one block beyond the end of what they were given. */
export const SLACK = 64;
/** Memory grows by at least this many pages (1 MiB) at a time, where there is room. */
const STEP = 16;

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** The kernels' memory cannot grow as far as is needed. */
export class OutOfMemory extends Error {
  /** Bytes that were asked for, and bytes that were in use. */
  readonly wanted: number;
  readonly used: number;
  /** Bytes the memory may have at most. */
  readonly limit: number;

  constructor(wanted: number, used: number, limit: number, refusedBySystem: boolean) {
    const reason = refusedBySystem
      ? `the system refused to grow it (its limit is ${mebibytes(limit)})`
      : `its limit is ${mebibytes(limit)}`;
    super(`out of memory: ${mebibytes(wanted)} wanted on top of ${mebibytes(used)} in use; ${reason}`);
    this.name = 'OutOfMemory';
    this.wanted = wanted;
    this.used = used;
    this.limit = limit;
  }
}

/** Proving a circuit takes more of the kernels' memory than it may have: known before any of it is taken. */
export class MemoryRefusal extends Error {
  /** Bytes that are needed on top of what is in use, and bytes that are available. */
  readonly needed: number;
  readonly available: number;

  /** `largest`: what needs most, for people. */
  constructor(needed: number, available: number, largest: readonly (readonly [what: string, bytes: number])[]) {
    const parts = largest.map(([what, bytes]) => `${what} ${mebibytes(bytes)}`).join(', ');
    super(
      `not enough memory: proving this circuit takes ${mebibytes(needed)} (${parts}), ${mebibytes(available)} are available; allow more memory or prove the model in slices`,
    );
    this.name = 'MemoryRefusal';
    this.needed = needed;
    this.available = available;
  }
}

/**
 * An arena from `base` (a multiple of 64) to the end of the memory, which may grow to `limit` bytes (at most 2^32). `grown` is called whenever it did, before
 * `allocate` returns. Throws `RangeError` for sizes that are no lengths and for marks that are above the top.
 */
export function createArena(memory: WebAssembly.Memory, base: number, limit: number, grown: () => void): Arena {
  let top = base;
  let peak = base;
  let size = memory.buffer.byteLength;

  function growTo(end: number, wanted: number): void {
    if (end > limit) throw new OutOfMemory(wanted, top, limit, false);
    const needed = Math.ceil((end - size) / PAGE);
    const available = Math.floor((limit - size) / PAGE);
    try {
      memory.grow(Math.min(Math.max(needed, STEP), available));
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      throw new OutOfMemory(wanted, top, limit, true);
    }
    size = memory.buffer.byteLength;
    grown();
  }

  return {
    limit,
    allocate(bytes) {
      if (!Number.isSafeInteger(bytes) || bytes < 0) throw new RangeError(`cannot allocate ${bytes} bytes`);
      const address = top;
      const end = address + Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
      if (end + SLACK > size) growTo(end + SLACK, bytes);
      top = end;
      if (top > peak) peak = top;
      return address;
    },
    mark: () => top,
    release(mark) {
      if (!(mark >= base && mark <= top && mark % ALIGNMENT === 0))
        throw new RangeError(`${mark} is no mark of this arena (${base} .. ${top})`);
      top = mark;
    },
    get peak() {
      return peak;
    },
    resetPeak() {
      peak = top;
    },
  };
}
