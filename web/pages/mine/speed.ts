/** How fast proofs are by number of threads: measured in this browser, or likely from what was measured. */
import type { ProofTime } from '../../miner/state.ts';

export interface Speed {
  /** Milliseconds a proof, the median. */
  readonly milliseconds: number;
  readonly measured: boolean;
}

/** The part of a large proof's work that threads do not share (Amdahl). A small one shares less. */
const SERIAL = 0.15;

const onOne = (threads: number): number => SERIAL + (1 - SERIAL) / threads;

/** How many times as fast as one thread so many are likely to be. */
export function likelyGain(threads: number): number {
  return 1 / onOne(threads);
}

export interface Speedometer {
  /** Counts the newest proof as made with so many threads. */
  record(threads: number, time: ProofTime): void;
  /** Null where nothing has been measured yet. */
  at(threads: number): Speed | null;
}

const KEPT = 50;

export function createSpeedometer(): Speedometer {
  const measured = new Map<number, number[]>();
  const medianAt = (threads: number): number | null => {
    const times = measured.get(threads);
    return times ? [...times].sort((a, b) => a - b)[times.length >> 1]! : null;
  };
  return {
    record(threads, { milliseconds }) {
      measured.set(threads, [...(measured.get(threads) ?? []), milliseconds].slice(-KEPT));
    },
    at(threads) {
      const own = medianAt(threads);
      if (own !== null) return { milliseconds: own, measured: true };
      const nearest = [...measured.keys()].sort((a, b) => Math.abs(a - threads) - Math.abs(b - threads))[0];
      if (nearest === undefined) return null;
      return { milliseconds: (medianAt(nearest)! * onOne(threads)) / onOne(nearest), measured: false };
    },
  };
}
