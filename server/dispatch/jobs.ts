/**
 * How jobs change. Every change is one transaction that locks the job's row first, so attempts of one job are decided one after the other, whichever coordinators they are on; and it is written only
 * where the attempt is still in the state that it starts from.
 */
import { and, eq, inArray, sql } from 'drizzle-orm';
import { attempts, jobs, requests, verdicts } from '../store/schema.ts';
import type { Store, Transaction } from '../store/store.ts';
import type { Frame } from '../wire/frames.ts';
import { MAX_ATTEMPTS } from '../wire/limits.ts';
import { appendEvents } from './events.ts';
import { attemptsOf, inferenceOf, JOB_STATE, jobInfo, type AttemptRow, type JobState } from './view.ts';

export type CancelReason = Frame<'cancel'>['reason'];

/** Attempts at one job that can be numbered in a frame. */
const MAX_NUMBER = 255;

/** A job whose row is locked, with its attempts. */
export interface LockedJob {
  readonly job: JobState;
  readonly attempts: readonly AttemptRow[];
}

/**
 * Locks a job, lets `change` write what happened to its attempts, then writes what follows for the job and its request. Null where there is no such job (any more).
 */
export async function changeJob<T>(
  store: Store,
  now: number,
  id: string,
  change: (transaction: Transaction, locked: LockedJob) => Promise<T>,
): Promise<T | null> {
  const outcome = await store.transaction(async (transaction) => {
    const locked = await lockJob(transaction, id);
    if (locked === null) return null;
    const value = await change(transaction, locked);
    const { cancelled, waiting } = await settle(transaction, id, now);
    return { value, request: locked.job.request, cancelled, waiting };
  });
  if (outcome === null) return null;
  store.announce({ topic: 'request', request: outcome.request, cancelled: outcome.cancelled });
  if (outcome.waiting) store.announce({ topic: 'jobs' });
  return outcome.value;
}

async function lockJob(transaction: Transaction, id: string): Promise<LockedJob | null> {
  const [job] = await transaction.select(JOB_STATE).from(jobs).where(eq(jobs.id, id)).for('update');
  if (job === undefined) return null;
  return { job, attempts: (await attemptsOf(transaction, [id])).get(id)! };
}

/** Ends or moves an attempt, if it is in one of the states `from`; whether it was. The job must be locked. */
export async function moveAttempt(
  transaction: Transaction,
  job: string,
  number: number,
  from: readonly AttemptRow['state'][],
  to: {
    readonly state: AttemptRow['state'];
    readonly reason?: string;
    readonly finished?: number;
    readonly instance?: string;
    readonly leasedUntil?: number;
  },
): Promise<boolean> {
  const moved = await transaction
    .update(attempts)
    .set(to)
    .where(and(eq(attempts.job, job), eq(attempts.number, number), inArray(attempts.state, [...from])))
    .returning({ number: attempts.number });
  return moved.length > 0;
}

/** Takes back what others work on: their job is done, or of no use any more. */
export async function cancelAttempts(
  transaction: Transaction,
  ids: readonly string[],
  reason: CancelReason,
  now: number,
): Promise<boolean> {
  if (ids.length === 0) return false;
  const cancelled = await transaction
    .update(attempts)
    .set({ state: 'cancelled', reason, finished: now })
    .where(and(inArray(attempts.job, [...ids]), inArray(attempts.state, ['open', 'expired'])))
    .returning({ job: attempts.job });
  return cancelled.length > 0;
}

/** What follows for a locked job from its attempts, with the event that tells it. */
async function settle(transaction: Transaction, id: string, now: number): Promise<{ cancelled: boolean; waiting: boolean }> {
  const { job, attempts: own } = (await lockJob(transaction, id))!;
  let cancelled = false;
  let state = job.state;
  if (state === 'proven') cancelled = await cancelAttempts(transaction, [id], 'answered', now);
  else if (state !== 'failed') {
    const is = (wanted: AttemptRow['state']): boolean => own.some((attempt) => attempt.state === wanted);
    const spent = job.tried >= MAX_ATTEMPTS || job.attempts >= MAX_NUMBER;
    state = is('verifying') ? 'verifying' : is('open') ? 'proving' : spent ? 'failed' : 'waiting';
    if (state !== job.state) await transaction.update(jobs).set({ state }).where(eq(jobs.id, id));
  }
  const after = cancelled ? (await attemptsOf(transaction, [id])).get(id)! : own;
  const info = jobInfo({ ...job, state }, after, await proofBytesOf(transaction, job), now);
  await appendEvents(transaction, [{ request: job.request, event: { type: 'job', job: info } }]);
  if (state === 'failed' && job.state !== 'failed') {
    const message = `slice ${job.slice} was tried ${job.tried} times, and no proof of it was accepted`;
    cancelled = (await failRequest(transaction, job.request, 'attempts', message, now)) || cancelled;
  }
  return { cancelled, waiting: state === 'waiting' };
}

async function proofBytesOf(transaction: Transaction, job: JobState): Promise<number | null> {
  if (job.provenBy === null) return null;
  const [verdict] = await transaction
    .select({ bytes: verdicts.proofBytes })
    .from(verdicts)
    .where(and(eq(verdicts.job, job.id), eq(verdicts.attempt, job.provenBy)));
  return verdict?.bytes ?? null;
}

/** Ends a request that was not proven, with its open jobs and their attempts. Nothing happens to one that is over. Whether attempts were taken back. */
export async function failRequest(transaction: Transaction, id: string, code: string, message: string, now: number): Promise<boolean> {
  const open = await transaction
    .update(jobs)
    .set({ state: 'failed', finished: now })
    .where(and(eq(jobs.request, id), sql`${jobs.state} <> 'proven'`))
    .returning({ id: jobs.id });
  const [request] = await transaction
    .update(requests)
    .set({ state: 'failed', finished: now, errorCode: code, errorMessage: message })
    .where(and(eq(requests.id, id), eq(requests.state, 'proving')))
    .returning();
  const cancelled = await cancelAttempts(
    transaction,
    open.map((job) => job.id),
    'request-over',
    now,
  );
  if (request !== undefined)
    await appendEvents(transaction, [{ request: id, event: { type: 'over', inference: await inferenceOf(transaction, request, now) } }]);
  return cancelled;
}
