/** How long proofs of each circuit take, as observed: when a job is late. */

/** Times that are remembered per circuit, and how many make a percentile worth the name. */
const REMEMBERED = 200;
const ENOUGH = 10;
/** Where too few are known: so many times the estimate for a reference core. */
const CAUTION = 5;
/** A second miner is not asked sooner than that, ms. */
const SOONEST = 250;
const SOONEST_UNKNOWN = 3000;

export class ServiceTimes {
  private readonly byCircuit = new Map<string, number[]>();

  /** `ms`: service time of an accepted proof. */
  record(circuit: string, ms: number): void {
    let times = this.byCircuit.get(circuit);
    if (times === undefined) this.byCircuit.set(circuit, (times = []));
    times.push(ms);
    if (times.length > REMEMBERED) times.shift();
  }

  /** After how many milliseconds a job of the circuit is late: the 95th percentile of what was observed, or a cautious estimate from its work (ns on a reference core). */
  lateAfter(circuit: string, work: number): number {
    const times = this.byCircuit.get(circuit) ?? [];
    if (times.length < ENOUGH) return Math.max(SOONEST_UNKNOWN, (CAUTION * work) / 1e6);
    const sorted = times.toSorted((a, b) => a - b);
    return Math.max(SOONEST, sorted[Math.ceil(0.95 * sorted.length) - 1]!);
  }
}
