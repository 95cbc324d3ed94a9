/** Time and chance, which are passed in so that tests can have their own. */

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls `action` after so many milliseconds, unless what it returns is called before. */
  after(milliseconds: number, action: () => void): () => void;
}

/** The clock on the wall. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(milliseconds, action) {
    const timer = setTimeout(action, milliseconds);
    return () => clearTimeout(timer);
  },
};

export const systemRandom = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes));

export const FIRST_DELAY = 500;
export const LARGEST_DELAY = 30_000;

/** How long to wait after so many failures in a row: a random part of 0.5 s, doubled each time up to 30 s ("full jitter", so that those who lost the same server do not come back all at once). */
export function backoff(failures: number, random: (bytes: number) => Uint8Array): number {
  const part = new DataView(random(4).slice().buffer).getUint32(0) / 2 ** 32;
  return part * Math.min(LARGEST_DELAY, FIRST_DELAY * 2 ** failures);
}

/** Resolves after so many milliseconds; rejects with the signal's reason when it is aborted before. */
export function sleep(clock: Clock, milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const abort = (): void => {
      cancel();
      reject(signal!.reason as Error);
    };
    const cancel = clock.after(milliseconds, () => {
      signal?.removeEventListener('abort', abort);
      resolve();
    });
    signal?.addEventListener('abort', abort, { once: true });
  });
}
