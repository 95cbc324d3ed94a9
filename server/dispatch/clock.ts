/** Time, as all of dispatch has it: passed in, so that tests can let an hour pass. */

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls `action` once, `ms` from now; returns what takes that back. */
  after(ms: number, action: () => void): () => void;
}

export const systemClock: Clock = {
  now: Date.now,
  after(ms, action) {
    const timer = setTimeout(action, ms);
    return () => clearTimeout(timer);
  },
};
