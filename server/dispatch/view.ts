/** Requests and jobs as their clients see them. */
import { asc, eq, getTableColumns, inArray, type InferSelectModel } from 'drizzle-orm';
import { attempts, jobs, requests, verdicts } from '../store/schema.ts';
import type { Database, Transaction } from '../store/store.ts';
import type { Tensor } from '../store/tensors.ts';
import type { Inference, JobInfo } from '../wire/http.ts';

export type RequestRow = InferSelectModel<typeof requests>;
export type JobRow = InferSelectModel<typeof jobs>;
export type AttemptRow = InferSelectModel<typeof attempts>;

/** A job without its tensors. */
export type JobState = Omit<JobRow, 'inputs' | 'outputs' | 'inputBlobs'>;

const { inputs: _inputs, outputs: _outputs, inputBlobs: _inputBlobs, ...stateColumns } = getTableColumns(jobs);

/** Whether a job's fate is decided. */
export const isOver = ({ state }: Pick<JobState, 'state'>): boolean => state === 'proven' || state === 'failed';

/** The columns of `JobState`, for selections. */
export const JOB_STATE = stateColumns;

/** The base64 of a tensor's bytes, int32 values little endian. */
export function base64Of(values: Tensor): string {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64');
}

/** `own`: the job's attempts, by number. `proofBytes`: of the accepted proof, if there is one. */
export function jobInfo(job: JobState, own: readonly AttemptRow[], proofBytes: number | null, now: number): JobInfo {
  const working = own.filter(({ state }) => state === 'open' || state === 'verifying');
  const proved = own.filter(({ number }) => number === job.provenBy);
  return {
    slice: job.slice,
    state: job.state,
    attempts: job.attempts,
    miners: (proved.length > 0 ? proved : working).map(({ hotkey }) => hotkey),
    phase: proved.length > 0 ? null : (working[0]?.phase ?? null),
    elapsed_ms: job.started === null ? 0 : Math.max(0, (job.finished ?? now) - job.started),
    proof_bytes: proofBytes,
  };
}

/** Attempts of some jobs, by job, in the order of their numbers. */
export async function attemptsOf(database: Database | Transaction, ids: readonly string[]): Promise<Map<string, AttemptRow[]>> {
  const byJob = new Map<string, AttemptRow[]>(ids.map((id) => [id, []]));
  if (ids.length === 0) return byJob;
  const rows = await database
    .select()
    .from(attempts)
    .where(inArray(attempts.job, [...ids]))
    .orderBy(asc(attempts.number));
  for (const row of rows) byJob.get(row.job)!.push(row);
  return byJob;
}

/** Null where there is no such request. */
export async function readInference(database: Database | Transaction, id: string, now: number): Promise<Inference | null> {
  const [request] = await database.select().from(requests).where(eq(requests.id, id));
  return request === undefined ? null : inferenceOf(database, request, now);
}

export async function inferenceOf(database: Database | Transaction, request: RequestRow, now: number): Promise<Inference> {
  const slices = await database.select(JOB_STATE).from(jobs).where(eq(jobs.request, request.id)).orderBy(asc(jobs.slice));
  const own = await attemptsOf(
    database,
    slices.map(({ id }) => id),
  );
  const proven = slices.filter(({ provenBy }) => provenBy !== null).map(({ id }) => id);
  const sizes = new Map<string, number>();
  if (proven.length > 0) {
    const rows = await database
      .select({ job: verdicts.job, attempt: verdicts.attempt, bytes: verdicts.proofBytes })
      .from(verdicts)
      .where(inArray(verdicts.job, proven));
    for (const { job, attempt, bytes } of rows) sizes.set(`${job} ${attempt}`, bytes);
  }
  return {
    id: request.id,
    model: request.model,
    cuts: request.cuts,
    state: request.state,
    created: request.created,
    deadline: request.deadline,
    finished: request.finished,
    outputs: request.outputs.map(base64Of),
    jobs: slices.map((job) => jobInfo(job, own.get(job.id)!, sizes.get(`${job.id} ${job.provenBy}`) ?? null, now)),
    error: request.errorCode === null ? null : { code: request.errorCode, message: request.errorMessage ?? '' },
  };
}
