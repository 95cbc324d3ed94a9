/** What one address may put into blobs: an upload that becomes no model stays an hour, and takes room until then. */
import { Problem } from '../coordinator.ts';

export interface UploadQuota {
  /** Counts so many bytes of an address. Throws `Problem` (429) where they are too many for an hour. */
  take(address: string, bytes: number): void;
}

const HOUR = 3_600_000;

/** @param most bytes per address and hour; @param now milliseconds */
export function createUploadQuota(most: number, now: () => number): UploadQuota {
  /** Bytes of the hour that began at `since`. */
  const used = new Map<string, { since: number; bytes: number }>();
  return {
    take(address, bytes) {
      const time = now();
      // Oldest first; hours that are over count no more.
      for (const [other, { since }] of used) {
        if (time - since < HOUR) break;
        used.delete(other);
      }
      const own = used.get(address) ?? { since: time, bytes: 0 };
      if (own.bytes + bytes > most) {
        throw new Problem(429, 'too-many-uploads', 'this address has uploaded as much as it may within an hour', {
          expected: `at most ${most} bytes per hour`,
          got: `${own.bytes + bytes} bytes`,
          retryAfter: Math.ceil((own.since + HOUR - time) / 1000),
        });
      }
      own.bytes += bytes;
      used.set(address, own);
    },
  };
}
