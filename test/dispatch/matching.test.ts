import { describe, expect, it } from 'vitest';
import { matchJobs, type FreeMiner, type OpenJob } from '../../server/dispatch/matching.ts';
import { Rate } from '../../server/dispatch/rate.ts';
import { ServiceTimes } from '../../server/dispatch/service-times.ts';

const nobody: ReadonlySet<string> = new Set();
const job = (id: string, change: Partial<OpenJob> = {}): OpenJob => ({
  id,
  kind: 'client',
  circuit: 'c',
  hedge: false,
  holders: nobody,
  triedBy: nobody,
  refusedFrom: nobody,
  ...change,
});
const miner = (session: string, change: Partial<FreeMiner> = {}): FreeMiner => ({
  session,
  hotkey: `${session}'s key`,
  open: 0,
  capacity: 1,
  speed: 1,
  holds: () => true,
  cannot: () => false,
  mayBenchmark: () => true,
  ...change,
});
const pairs = (jobs: OpenJob[], miners: FreeMiner[]): string[] =>
  matchJobs(jobs, miners, 0).map((match) => `${match.job.id} ${match.miner.session}`);

describe('a job goes', () => {
  it('to the fastest of those that hold its circuit, before faster ones that do not', () => {
    const miners = [miner('slow'), miner('fast', { speed: 3 }), miner('empty', { speed: 9, holds: () => false })];
    expect(pairs([job('1'), job('2'), job('3')], miners)).toEqual(['1 fast', '2 slow', '3 empty']);
  });

  it('to who is idle, before who works and could hold one more', () => {
    expect(pairs([job('1'), job('2'), job('3')], [miner('busy', { open: 1, capacity: 2, speed: 9 }), miner('idle')])).toEqual([
      '1 idle',
      '2 busy',
    ]);
  });

  it('to nobody who has it, whose proof of it was refused, or who cannot prove it', () => {
    const hard = job('1', { holders: new Set(['a']), refusedFrom: new Set(["b's key"]) });
    expect(pairs([hard], [miner('a', { capacity: 2 }), miner('b'), miner('c', { cannot: (circuit) => circuit === 'c' })])).toEqual([]);
  });

  it('to who has not tried it, before who has', () => {
    const tried = job('1', { triedBy: new Set(['fast']) });
    expect(pairs([tried], [miner('fast', { speed: 9 }), miner('fresh')])).toEqual(['1 fresh']);
    expect(pairs([tried], [miner('fast', { speed: 9 })])).toEqual(['1 fast']);
  });

  it('only to who is idle, as a second attempt or a benchmark', () => {
    const busy = miner('busy', { open: 1, capacity: 4 });
    expect(pairs([job('1', { hedge: true }), job('2', { kind: 'benchmark' })], [busy])).toEqual([]);
    expect(pairs([job('1', { hedge: true }), job('2', { kind: 'benchmark' })], [busy, miner('idle', { capacity: 4 })])).toEqual(['1 idle']);
  });

  it('as a benchmark, only to who has had no more than its share of them', () => {
    const benchmark = job('1', { kind: 'benchmark' });
    const spent = miner('spent', { speed: 9, mayBenchmark: () => false });
    expect(pairs([benchmark], [spent])).toEqual([]);
    expect(pairs([benchmark], [spent, miner('due')])).toEqual(['1 due']);
    expect(pairs([job('1')], [spent])).toEqual(['1 spent']);
  });
});

describe('a job is late', () => {
  it('after the 95th percentile of what was observed, and not before a quarter of a second', () => {
    const times = new ServiceTimes();
    for (let n = 1; n <= 100; n++) times.record('c', 10 * n);
    expect(times.lateAfter('c', 1)).toBe(950);
    const quick = new ServiceTimes();
    for (let n = 0; n < 20; n++) quick.record('c', 5);
    expect(quick.lateAfter('c', 1)).toBe(250);
  });

  it('after a cautious estimate, where little was observed; only the last 200 proofs count', () => {
    const times = new ServiceTimes();
    expect(times.lateAfter('c', 2e9)).toBe(10_000);
    expect(times.lateAfter('c', 1)).toBe(3000);
    for (let n = 0; n < 200; n++) times.record('c', 9000);
    for (let n = 0; n < 200; n++) times.record('c', 500);
    expect(times.lateAfter('c', 1)).toBe(500);
  });
});

describe('a rate', () => {
  it('allows twice as many at once, then as many per second', () => {
    const rate = new Rate(10, 0);
    expect(Array.from({ length: 21 }, () => rate.take(0)).filter(Boolean)).toHaveLength(20);
    expect(rate.wait(0)).toBe(100);
    expect(rate.take(99)).toBe(false);
    expect(rate.take(100)).toBe(true);
    expect(Array.from({ length: 11 }, () => rate.take(1100)).filter(Boolean)).toHaveLength(10);
    expect(rate.idle(1100)).toBe(false);
    expect(rate.idle(3100)).toBe(true);
  });
});
