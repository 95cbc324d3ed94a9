/** Leases as miners renew them, and the phases they tell: written together, a few times a second at most. */
import { and, eq, inArray, sql } from 'drizzle-orm';
import { attempts, jobs, requests } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import type { Clock } from './clock.ts';
import { appendEvents } from './events.ts';
import type { Log } from './observer.ts';
import { attemptsOf, isOver, JOB_STATE, jobInfo } from './view.ts';

/** How long news is gathered before it is written, ms. */
const GATHER = 100;

export interface LeaseOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly lease: number;
  readonly log: Log;
}

export function leaseKeeper({ store, clock, lease, log }: LeaseOptions) {
  let sessionsHeard = new Set<string>();
  let phases = new Map<string, { job: string; number: number; phase: string }>();
  let writing: Promise<void> = Promise.resolve();
  let planned: (() => void) | null = null;

  /** A session works on its jobs: all of them are its own for another while. */
  function renew(session: string): void {
    sessionsHeard.add(session);
    plan();
  }

  function tell(session: string, job: string, number: number, phase: string): void {
    phases.set(`${job} ${number}`, { job, number, phase });
    renew(session);
  }

  function plan(): void {
    planned ??= clock.after(GATHER, () => {
      planned = null;
      writing = writing.then(write).catch((error: unknown) => log.error({ err: error }, 'leases were not renewed'));
    });
  }

  async function write(): Promise<void> {
    const heard = [...sessionsHeard];
    const told = [...phases.values()];
    sessionsHeard = new Set();
    phases = new Map();
    if (heard.length === 0) return;
    await store.query((database) =>
      database
        .update(attempts)
        .set({ leasedUntil: clock.now() + lease })
        .where(and(inArray(attempts.session, heard), eq(attempts.state, 'open'))),
    );
    if (told.length === 0) return;
    const values = sql.join(
      told.map(({ job, number, phase }) => sql`(${job}::uuid, ${number}::int, ${phase}::text)`),
      sql`, `,
    );
    const changed = await store.query((database) =>
      database
        .update(attempts)
        .set({ phase: sql`told.phase` })
        .from(sql`(values ${values}) as told (job, number, phase)`)
        .where(
          sql`${attempts.job} = told.job and ${attempts.number} = told.number and ${attempts.state} = 'open' and ${attempts.phase} is distinct from told.phase`,
        )
        .returning({ job: attempts.job, request: attempts.request }),
    );
    await tellEvents(changed);
  }

  /** Events of jobs as they are now. Their requests are locked before they are read, so that no older state follows a newer one. */
  async function tellEvents(changed: readonly { job: string; request: string }[]): Promise<void> {
    if (changed.length === 0) return;
    const ids = [...new Set(changed.map(({ request }) => request))].sort();
    await store.transaction(async (transaction) => {
      await transaction.select({ id: requests.id }).from(requests).where(inArray(requests.id, ids)).orderBy(requests.id).for('update');
      const wanted = [...new Set(changed.map(({ job }) => job))];
      const rows = (await transaction.select(JOB_STATE).from(jobs).where(inArray(jobs.id, wanted))).filter((job) => !isOver(job));
      const own = await attemptsOf(transaction, wanted);
      const now = clock.now();
      await appendEvents(
        transaction,
        rows.map((job) => ({ request: job.request, event: { type: 'job', job: jobInfo(job, own.get(job.id)!, null, now) } })),
      );
    });
    for (const request of ids) store.announce({ topic: 'request', request, cancelled: false });
  }

  return {
    renew,
    tell,
    /** Writes what is gathered, and nothing more. */
    async stop(): Promise<void> {
      planned?.();
      await writing;
    },
  };
}

export type LeaseKeeper = ReturnType<typeof leaseKeeper>;
