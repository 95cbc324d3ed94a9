/** A kernel instance on its memory: the arena, the memory views, and `parallel` (with helper threads where `threads.ts` has started some). */
import type { Arena, KernelExports, Kernels } from './kernels.ts';

/** First address of the arena; below lie the control block of the threads and the block of job arguments. */
export const ARENA_START = 1 << 16;
/** Where `parallel` puts a job's arguments, and how many words there may be. */
const ARGUMENTS = 1024;
const MAX_ARGUMENTS = 64;
/** Address of the block through which threads are commanded (see kernels/threads.ts). */
export const CONTROL = 256;
const PAGE = 65536;
export const MAX_PAGES = 65536;

/** Memory that was wanted and could not be had. */
export class OutOfMemory extends Error {
  readonly wanted: number;
  constructor(wanted: number) {
    super(`out of memory: ${Math.ceil(wanted / 2 ** 20)} MiB of kernel memory were wanted and could not be allocated`);
    this.name = 'OutOfMemory';
    this.wanted = wanted;
  }
}

/** A shared memory for one instance and its threads; it starts small and grows up to 4 GiB. */
export function createMemory(): WebAssembly.Memory {
  return new WebAssembly.Memory({ initial: 16, maximum: MAX_PAGES, shared: true });
}

/** Creates an instance. `threads` counts this thread and the helpers that already wait on the memory's control block. */
export function instantiateKernels(module: WebAssembly.Module, options: { memory?: WebAssembly.Memory; threads?: number } = {}): Kernels {
  const memory = options.memory ?? createMemory();
  const threads = options.threads ?? 1;
  const instance = new WebAssembly.Instance(module, { env: { memory } });
  const exports = instance.exports as unknown as KernelExports;
  let bytes = new Uint8Array(memory.buffer);
  let words = new Uint32Array(memory.buffer);
  let signed = new Int32Array(memory.buffer);
  let top = ARENA_START;
  let peak = top;
  const refresh = (): void => {
    bytes = new Uint8Array(memory.buffer);
    words = new Uint32Array(memory.buffer);
    signed = new Int32Array(memory.buffer);
  };
  const arena: Arena = {
    allocate(size) {
      const address = top;
      const end = Math.ceil((top + size) / 64) * 64;
      // kernels may read one vector beyond the end
      if (end + 64 > bytes.length) {
        const needed = Math.ceil((end + 64 - bytes.length) / PAGE);
        const spare = Math.min(Math.max(needed, Math.ceil(bytes.length / PAGE / 8)), MAX_PAGES - bytes.length / PAGE);
        try {
          memory.grow(Math.max(needed, spare));
        } catch {
          try {
            memory.grow(needed);
          } catch {
            throw new OutOfMemory(end);
          }
        }
        refresh();
      }
      top = end;
      if (top > peak) peak = top;
      return address;
    },
    mark: () => top,
    release(mark) {
      top = mark;
    },
    get peak() {
      return peak;
    },
    resetPeak() {
      peak = top;
    },
  };
  return {
    exports,
    arena,
    threads,
    get bytes() {
      return bytes;
    },
    get words() {
      return words;
    },
    get signed() {
      return signed;
    },
    parallel(job, args, count, grain) {
      if (args.length > MAX_ARGUMENTS) throw new RangeError(`a job takes at most ${MAX_ARGUMENTS} arguments`);
      if (count <= 0) return;
      words.set(args, ARGUMENTS >>> 2);
      if (threads === 1 || count <= grain) {
        exports.runJob!(job, ARGUMENTS, 0, 0, count);
        return;
      }
      if (exports.parallel!(CONTROL, job, ARGUMENTS, count, grain, threads) !== 0) throw new Error('a kernel thread failed');
    },
  };
}
