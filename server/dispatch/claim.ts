/** Giving jobs out: a transaction that takes what nobody else is taking, and leases it to miners that are connected here. */
import { and, asc, desc, eq, gt, inArray, lt, lte, or, sql } from 'drizzle-orm';
import { attempts, circuits, jobs } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import type { Tensor } from '../store/tensors.ts';
import { MAX_ATTEMPTS } from '../wire/limits.ts';
import { appendEvents } from './events.ts';
import { matchJobs, type FreeMiner, type OpenJob } from './matching.ts';
import { attemptsOf, JOB_STATE, jobInfo, type AttemptRow, type JobState } from './view.ts';

/** A job that was given out, with what its frame says. */
export interface Given<Miner> {
  readonly miner: Miner;
  readonly job: JobState;
  /** Of the attempt. */
  readonly number: number;
  readonly hedge: boolean;
  readonly given: number;
  readonly waitedMs: number;
  readonly work: number;
  readonly circuitBlob: string;
  readonly weightsBlob: string;
  readonly inputs: readonly Tensor[];
  readonly inputBlobs: readonly string[] | null;
}

interface Candidate extends OpenJob {
  readonly row: JobState;
  readonly own: readonly AttemptRow[];
  readonly work: number;
  readonly circuitBlob: string;
  readonly weightsBlob: string;
}

/** Jobs that are looked at beyond the room that there is: some of them are for nobody here. */
const LOOK_FURTHER = 16;
const MOST = 256;

export interface ClaimOptions<Miner> {
  readonly store: Store;
  readonly now: number;
  readonly miners: readonly Miner[];
  readonly lease: number;
  /** After how many ms a job that was given out is late. */
  readonly lateAfter: (circuit: string, work: number) => number;
}

/** Gives out as many jobs as there are and fit; client requests first, in the order of their coming; those that wait before those that are late. */
export async function claimJobs<Miner extends FreeMiner>(options: ClaimOptions<Miner>): Promise<Given<Miner>[]> {
  const { store, now, miners, lease, lateAfter } = options;
  const room = miners.reduce((sum, { open, capacity }) => sum + Math.max(0, capacity - open), 0);
  if (room === 0) return [];
  const given = await store.transaction(async (transaction): Promise<Given<Miner>[]> => {
    const rows = await transaction
      .select({ row: JOB_STATE, work: circuits.work, circuitBlob: circuits.circuitBlob, weightsBlob: circuits.weightsBlob })
      .from(jobs)
      .innerJoin(circuits, eq(circuits.digest, jobs.circuit))
      .where(
        and(
          or(and(eq(jobs.state, 'waiting'), lte(jobs.notBefore, now)), and(eq(jobs.state, 'proving'), lte(jobs.hedgeAt, now))),
          gt(jobs.deadline, now),
          lt(jobs.tried, MAX_ATTEMPTS),
        ),
      )
      .orderBy(desc(jobs.kind), desc(jobs.state), asc(jobs.created), asc(jobs.slice))
      .limit(Math.min(MOST, room + LOOK_FURTHER))
      .for('update', { of: jobs, skipLocked: true });
    if (rows.length === 0) return [];
    const tried = await attemptsOf(
      transaction,
      rows.map(({ row }) => row.id),
    );
    const candidates = rows.map((row): Candidate => {
      const own = tried.get(row.row.id)!;
      const inState = (...states: AttemptRow['state'][]): AttemptRow[] => own.filter(({ state }) => states.includes(state));
      return {
        ...row,
        own,
        id: row.row.id,
        kind: row.row.kind,
        circuit: row.row.circuit,
        hedge: row.row.state === 'proving',
        holders: new Set(inState('open', 'verifying').map(({ session }) => session)),
        triedBy: new Set(inState('declined', 'expired').map(({ session }) => session)),
        refusedFrom: new Set(inState('refused').map(({ hotkey }) => hotkey)),
      };
    });
    const matches = matchJobs(candidates, miners, now);
    if (matches.length === 0) return [];

    const taken = await transaction
      .select({ id: jobs.id, inputs: jobs.inputs, inputBlobs: jobs.inputBlobs })
      .from(jobs)
      .where(
        inArray(
          jobs.id,
          matches.map(({ job }) => job.id),
        ),
      );
    const tensors = new Map(taken.map((row) => [row.id, row]));
    const leases = matches.map(({ job, miner }): AttemptRow => ({
      job: job.id,
      number: job.row.attempts + 1,
      request: job.row.request,
      session: miner.session,
      hotkey: miner.hotkey,
      instance: store.instance,
      state: 'open',
      reason: null,
      given: now,
      leasedUntil: now + lease,
      phase: null,
      finished: null,
    }));
    await transaction.insert(attempts).values(leases);
    const hedges = sql.join(
      matches.map(({ job }) => sql`when ${job.id} then ${job.hedge ? null : now + Math.ceil(lateAfter(job.circuit, job.work))}::bigint`),
      sql` `,
    );
    await transaction
      .update(jobs)
      .set({
        state: 'proving',
        attempts: sql`${jobs.attempts} + 1`,
        tried: sql`${jobs.tried} + 1`,
        started: sql`coalesce(${jobs.started}, ${now}::bigint)`,
        hedgeAt: sql`case ${jobs.id}::text ${hedges} end`,
      })
      .where(
        inArray(
          jobs.id,
          matches.map(({ job }) => job.id),
        ),
      );
    await appendEvents(
      transaction,
      matches.map(({ job }, k) => {
        const row = { ...job.row, state: 'proving' as const, attempts: job.row.attempts + 1, started: job.row.started ?? now };
        return { request: row.request, event: { type: 'job', job: jobInfo(row, [...job.own, leases[k]!], null, now) } };
      }),
    );
    return matches.map(({ job, miner }, k) => ({
      miner,
      job: job.row,
      number: leases[k]!.number,
      hedge: job.hedge,
      given: now,
      waitedMs: Math.max(0, now - Math.max(job.row.notBefore, job.hedge ? (job.row.hedgeAt ?? 0) : 0)),
      work: job.work,
      circuitBlob: job.circuitBlob,
      weightsBlob: job.weightsBlob,
      inputs: tensors.get(job.id)!.inputs,
      inputBlobs: tensors.get(job.id)!.inputBlobs,
    }));
  });
  for (const request of new Set(given.map(({ job }) => job.request))) store.announce({ topic: 'request', request, cancelled: false });
  return given;
}
