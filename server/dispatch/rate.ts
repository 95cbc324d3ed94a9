/** A token bucket: `rate` per second in the long run, twice as many at once. */
export class Rate {
  private tokens: number;
  private time: number;
  private readonly rate: number;

  /** `now`: milliseconds. */
  constructor(rate: number, now: number) {
    this.rate = rate;
    this.tokens = 2 * rate;
    this.time = now;
  }

  private refill(now: number): void {
    this.tokens = Math.min(2 * this.rate, this.tokens + (this.rate * Math.max(0, now - this.time)) / 1000);
    this.time = now;
  }

  /** Whether one more is allowed; if so, it is counted. */
  take(now: number): boolean {
    this.refill(now);
    if (this.tokens < 1) return false;
    this.tokens -= 1;
    return true;
  }

  /** Milliseconds until one more is allowed. */
  wait(now: number): number {
    this.refill(now);
    return this.tokens >= 1 ? 0 : Math.ceil(((1 - this.tokens) * 1000) / this.rate);
  }

  /** Whether nothing was taken for so long that a new bucket would say the same. */
  idle(now: number): boolean {
    this.refill(now);
    return this.tokens >= 2 * this.rate;
  }
}
