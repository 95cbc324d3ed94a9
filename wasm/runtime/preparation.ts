/** What a preparation (of a prover, of a verifier) keeps in the arena, which others prepare in too. */
import type { Kernels } from './kernels.ts';

export interface Preparation {
  /** Throws where what was kept has been freed: whatever stands there now must not be taken for it, a verifier's weights least of all. */
  check(): void;
  /** Frees it; a second time does nothing. Throws where something else was prepared since: it would be overwritten. */
  release(): void;
}

/** Keeps what was allocated since `mark`. `what`: for people. */
export function keepSince(kernels: Kernels, mark: number, what: string): Preparation {
  const end = kernels.arena.mark();
  let released = false;
  return {
    check() {
      if (released || kernels.arena.mark() < end) throw new Error(`the ${what} has been disposed of`);
    },
    release() {
      if (released) return;
      if (kernels.arena.mark() !== end)
        throw new Error(`something was prepared after this ${what}, or is at work, and must be disposed of before it`);
      released = true;
      kernels.arena.release(mark);
    },
  };
}
