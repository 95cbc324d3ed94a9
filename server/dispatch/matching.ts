/** Which miner gets which job: idle miners that hold the circuit first, fastest first. */

/** A miner with room for a job, as its connection knows it. */
export interface FreeMiner {
  readonly session: string;
  readonly hotkey: string;
  /** Jobs that it has, and can have. */
  readonly open: number;
  readonly capacity: number;
  /** Work per time, in nanoseconds of a reference core per millisecond; 0 where nothing is known. */
  readonly speed: number;
  /** Whether it has prepared the circuit, or can without a download. */
  holds(circuit: string): boolean;
  /** Whether benchmarks have left it enough of its time. */
  mayBenchmark(now: number): boolean;
  /** Whether it said that it cannot prove the circuit, at least for now. */
  cannot(circuit: string, now: number): boolean;
}

/** A job that may be given out. */
export interface OpenJob {
  readonly id: string;
  readonly kind: 'client' | 'benchmark';
  readonly circuit: string;
  /** Whether somebody works on it already: then only an idle miner is a second one. */
  readonly hedge: boolean;
  /** Sessions that have it; sessions that had it and gave it back or let it expire; hotkeys whose proof of it was refused. */
  readonly holders: ReadonlySet<string>;
  readonly triedBy: ReadonlySet<string>;
  readonly refusedFrom: ReadonlySet<string>;
}

export interface Match<Job, Miner> {
  readonly job: Job;
  readonly miner: Miner;
}

/**
 * Gives jobs to miners, in the order of the jobs. A job goes to nobody who has it, whose proof of it was refused, or who cannot prove its circuit; a second attempt and a benchmark only to who is
 * idle, and a benchmark only while the miner's share for them lasts. Among the others: idle before busy, those who have not tried it before those who have, who holds the circuit before who does not, then the faster one.
 */
export function matchJobs<Job extends OpenJob, Miner extends FreeMiner>(
  jobs: readonly Job[],
  miners: readonly Miner[],
  now: number,
): Match<Job, Miner>[] {
  const given = new Map<Miner, number>();
  const load = (miner: Miner): number => miner.open + (given.get(miner) ?? 0);
  const matches: Match<Job, Miner>[] = [];
  for (const job of jobs) {
    let best: { miner: Miner; rank: readonly number[] } | null = null;
    for (const miner of miners) {
      const busy = load(miner);
      if (busy >= miner.capacity || (busy > 0 && (job.hedge || job.kind === 'benchmark'))) continue;
      if (job.kind === 'benchmark' && !miner.mayBenchmark(now)) continue;
      if (job.holders.has(miner.session) || job.refusedFrom.has(miner.hotkey) || miner.cannot(job.circuit, now)) continue;
      const rank = [busy, job.triedBy.has(miner.session) ? 1 : 0, miner.holds(job.circuit) ? 0 : 1, -miner.speed];
      if (best === null || isBefore(rank, best.rank)) best = { miner, rank };
    }
    if (best === null) continue;
    given.set(best.miner, (given.get(best.miner) ?? 0) + 1);
    matches.push({ job, miner: best.miner });
  }
  return matches;
}

function isBefore(a: readonly number[], b: readonly number[]): boolean {
  const at = a.findIndex((value, k) => value !== b[k]);
  return at >= 0 && a[at]! < b[at]!;
}
