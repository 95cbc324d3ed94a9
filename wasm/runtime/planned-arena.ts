/** An arena that only counts: what a sequence of allocations takes, by what they are for, before any memory is touched. */
import { ALIGNMENT } from './arena.ts';

/** Bytes by what they are for. */
export type Bytes<Part extends string> = Readonly<Partial<Record<Part, number>>>;

/** The largest top so far of a stretch of allocations, and what stood below it. */
export interface PlannedPeak<Part extends string> {
  readonly bytes: number;
  readonly parts: Bytes<Part>;
}

/** Takes and releases as `Arena` does, from address 0 on. */
export class PlannedArena<Part extends string> {
  /** What is taken, in order, so that a release knows what it frees. */
  private readonly taken: { readonly part: Part; readonly bytes: number }[] = [];
  private readonly byPart = new Map<Part, number>();
  private top = 0;
  private peak = this.present();

  private present(): PlannedPeak<Part> {
    return { bytes: this.top, parts: Object.fromEntries(this.byPart) as Bytes<Part> };
  }

  /** Counts `bytes` that stay until the `within` around them ends. */
  take(part: Part, bytes: number): void {
    const rounded = Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
    this.taken.push({ part, bytes: rounded });
    this.top += rounded;
    this.byPart.set(part, (this.byPart.get(part) ?? 0) + rounded);
    if (this.top > this.peak.bytes) this.peak = this.present();
  }

  /** Counts what `allocations` takes, and frees it. */
  within<T>(allocations: () => T): T {
    const before = this.taken.length;
    const result = allocations();
    this.release(before);
    return result;
  }

  /** How much is taken at present, for `release`. */
  mark(): number {
    return this.taken.length;
  }

  release(mark: number): void {
    for (const { part, bytes } of this.taken.splice(mark)) {
      this.top -= bytes;
      this.byPart.set(part, this.byPart.get(part)! - bytes);
    }
  }

  /** Counts what is freed at once. */
  touch(part: Part, bytes: number): void {
    this.within(() => {
      this.take(part, bytes);
    });
  }

  /** The peak since the last call; the next stretch begins with what is taken now. */
  endStretch(): PlannedPeak<Part> {
    const { peak } = this;
    this.peak = this.present();
    return peak;
  }
}
