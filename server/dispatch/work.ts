/**
 * The middle of dispatch: jobs go out to miners that are connected here, their frames come back, and what neither brings to an end, time does.
 */
import { and, eq, inArray, isNotNull, lt, lte, sql } from 'drizzle-orm';
import { hexToBytes } from '@noble/hashes/utils.js';
import { attempts, jobs, requests, sessions } from '../store/schema.ts';
import type { Announcement } from '../store/announcements.ts';
import type { Store } from '../store/store.ts';
import type { Frame } from '../wire/frames.ts';
import { CLOSE } from '../wire/limits.ts';
import { finishRequest, type FinishOptions } from './bundles.ts';
import { claimJobs, type Given } from './claim.ts';
import type { Clock } from './clock.ts';
import type { Connection } from './connection.ts';
import type { Desk, MinerGateway } from './gateway.ts';
import { changeJob, failRequest, moveAttempt } from './jobs.ts';
import type { LeaseKeeper } from './leases.ts';
import type { Log, Observer } from './observer.ts';
import type { ProofDesk } from './proofs.ts';
import type { ServiceTimes } from './service-times.ts';
import type { Settings } from './settings.ts';

export interface WorkOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly settings: Settings;
  readonly observer: Observer;
  readonly log: Log;
  readonly times: ServiceTimes;
  readonly leases: LeaseKeeper;
  readonly finish: FinishOptions;
  /** The others, which are made after this one. */
  readonly gateway: () => MinerGateway;
  readonly proofs: () => ProofDesk;
  /** Called again and again. */
  readonly onPoll: () => Promise<void>;
}

/** How long a job rests after a miner gave it back, ms. */
const REST = 200;
/** How long a miner that is busy is not asked again, ms. */
const BUSY_REST = 1000;
/** Rows that a sweep looks at. */
const SWEPT = 100;

export function workFloor(options: WorkOptions) {
  const { store, clock, settings, observer, log, times, leases, finish } = options;
  /** Work of circuits that were given out, for speeds. */
  const workOf = new Map<string, number>();
  let waiting = 0;
  let saidAlive = clock.now();
  let resting = false;
  let stopped = false;
  let cancelPoll: () => void = () => undefined;
  let pending: Promise<void> | null = null;
  /** What was begun and is not at its end. */
  const begun = new Set<Promise<void>>();
  let again = false;
  /** Deadlines that are waited for: how to stop waiting. */
  const watched = new Set<() => void>();

  /** Does something that nobody waits for, unless dispatch has ended. */
  function inBackground(what: string, action: () => Promise<unknown>): void {
    if (stopped) return;
    const ended = action()
      .then(() => undefined)
      .catch((error: unknown) => log.error({ err: error }, `${what} failed; it is tried again`))
      .finally(() => begun.delete(ended));
    begun.add(ended);
  }

  // ---- giving out -----------------------------------------------------------------------------------------------------------------

  /** Gives out what can be given; if that is under way, once more afterwards. */
  function wake(): void {
    again = true;
    if (resting) return;
    pending ??= giveOut()
      .catch((error: unknown) => log.error({ err: error }, 'jobs were not given out'))
      .finally(() => {
        pending = null;
        if (again && !resting) clock.after(0, wake);
      });
  }

  async function giveOut(): Promise<void> {
    while (again && !resting) {
      again = false;
      const now = clock.now();
      const miners = [...options.gateway().connections()].filter((connection) => connection.isFree(now));
      if (miners.length === 0) return;
      const given = await claimJobs({
        store,
        now,
        miners,
        lease: settings.lease,
        lateAfter: (circuit, work) => times.lateAfter(circuit, work),
      });
      for (const one of given) hand(one);
    }
  }

  function hand(one: Given<Connection>): void {
    const { miner, job, number, given } = one;
    const attempt = { job: job.id, number, request: job.request, circuit: job.circuit, kind: job.kind, given };
    workOf.set(job.circuit, one.work);
    const now = clock.now();
    miner.jobs.set(job.id, attempt);
    const written = miner.send({
      type: 'job',
      job: job.id,
      request: job.request,
      kind: job.kind,
      slice: job.slice,
      slices: job.slices,
      attempt: number,
      circuit: hexToBytes(job.circuit),
      circuitBlob: hexToBytes(one.circuitBlob),
      weightsBlob: hexToBytes(one.weightsBlob),
      inputs:
        one.inputBlobs === null
          ? { kind: 'inline', values: one.inputs as Uint8Array[] }
          : { kind: 'blobs', hashes: one.inputBlobs.map((value) => hexToBytes(value)) },
      within: Math.max(0, Math.min(600_000, job.deadline - now)),
    });
    if (!written) {
      miner.jobs.delete(job.id);
      giveBack(attempt, 'left', true).catch((error: unknown) =>
        log.error({ err: error }, 'a job that was not sent was not taken back; its lease ends'),
      );
      return;
    }
    observer.dispatched({
      circuit: job.circuit,
      waitedMs: one.waitedMs + (clock.now() - given),
      retry: number > 1 && !one.hedge,
      hedge: one.hedge,
    });
    if (!one.hedge) clock.after(Math.ceil(times.lateAfter(job.circuit, one.work)) + 1, () => miner.jobs.has(job.id) && wake());
  }

  /** Ends an attempt that its miner gave back. `free`: it says nothing about the job, and does not count. */
  async function giveBack(attempt: { readonly job: string; readonly number: number }, reason: string, free: boolean): Promise<void> {
    const now = clock.now();
    await changeJob(store, now, attempt.job, async (transaction) => {
      const mine = await moveAttempt(transaction, attempt.job, attempt.number, ['open'], { state: 'declined', reason, finished: now });
      if (!mine) return;
      await transaction
        .update(jobs)
        .set({ notBefore: now + REST, ...(free ? { tried: sql`${jobs.tried} - 1` } : {}) })
        .where(eq(jobs.id, attempt.job));
    });
    clock.after(REST + 1, wake);
  }

  // ---- what miners say --------------------------------------------------------------------------------------------------------------

  const desk: Desk = {
    async opened(connection) {
      for (const attempt of connection.jobs.values()) await takeUp(connection, attempt);
      wake();
    },
    async frame(connection, frame, time) {
      switch (frame.type) {
        case 'accept': {
          heard(connection, frame.job, null);
          return;
        }
        case 'progress': {
          heard(connection, frame.job, frame.phase);
          return;
        }
        case 'proof':
          return proof(connection, frame, time);
        case 'decline':
          return decline(connection, frame);
        case 'bye':
          return bye(connection);
      }
    },
    async ended(connection) {
      await store.query((database) =>
        database
          .update(sessions)
          .set({ connection: null, instance: null, seen: clock.now() })
          // Unless its next connection was quicker.
          .where(and(eq(sessions.key, connection.session), eq(sessions.connection, connection.id))),
      );
      if (connection.jobs.size === 0) return;
      const until = clock.now() + settings.grace;
      await store.query((database) =>
        database
          .update(attempts)
          .set({ leasedUntil: sql`least(${attempts.leasedUntil}, ${until}::bigint)` })
          .where(
            and(
              eq(attempts.session, connection.session),
              eq(attempts.state, 'open'),
              eq(attempts.instance, store.instance),
              inArray(attempts.job, [...connection.jobs.keys()]),
              // Its next connection may have taken them up.
              options.gateway().bySession(connection.session) === null ? sql`true` : sql`false`,
            ),
          ),
      );
      clock.after(settings.grace + 1, () => inBackground('a sweep', sweep));
    },
  };

  /** A session that came back goes on with its jobs: also with those whose lease is over, if nobody else was asked. */
  async function takeUp(connection: Connection, { job, number }: { job: string; number: number }): Promise<void> {
    const now = clock.now();
    const held = await changeJob(store, now, job, async (transaction, locked) => {
      const others = locked.attempts.some(
        (attempt) => attempt.number !== number && (attempt.state === 'open' || attempt.state === 'verifying'),
      );
      const from = others ? (['open', 'verifying'] as const) : (['open', 'verifying', 'expired'] as const);
      return moveAttempt(transaction, job, number, from, { state: 'open', instance: store.instance, leasedUntil: now + settings.lease });
    });
    if (held !== true) connection.jobs.delete(job);
  }

  function heard(connection: Connection, job: string, phase: Frame<'progress'>['phase'] | null): void {
    const attempt = connection.jobs.get(job);
    if (attempt === undefined || phase === null) leases.renew(connection.session);
    else leases.tell(connection.session, job, attempt.number, phase);
  }

  async function proof(connection: Connection, frame: Frame<'proof'>, time: number): Promise<void> {
    const kind = connection.jobs.get(frame.job)?.kind;
    const previous = connection.lastProof;
    connection.lastProof = time;
    leases.renew(connection.session);
    const answer = await options.proofs().receive({ session: connection.session, frame, time, previous });
    if (answer.kind === 'verifying') return;
    if (answer.kind === 'foreign') {
      options.gateway().dismiss(connection, CLOSE.malformed, 'foreign-job', `job ${frame.job} was not given to this session`);
      return;
    }
    // A session that lost its connection meanwhile hears the verdict on its next one.
    const current = options.gateway().bySession(connection.session) ?? connection;
    current.jobs.delete(frame.job);
    connection.jobs.delete(frame.job);
    if (answer.kind === 'cancel') current.send({ type: 'cancel', job: frame.job, reason: answer.reason });
    else {
      current.send(answer.frame);
      if (kind === 'benchmark' && settings.benchmarkShare > 0)
        current.benchmarked(answer.frame.serviceMs, settings.benchmarkShare, clock.now());
      if (answer.frame.ok) {
        times.record(answer.circuit, answer.frame.serviceMs);
        current.proved(answer.circuit, workOf.get(answer.circuit) ?? 0, answer.frame.serviceMs);
      }
    }
    // After the verdict, which says why.
    if (answer.kind === 'verdict' && answer.pausedUntil !== null)
      store.announce({ topic: 'paused', hotkey: connection.hotkey, until: answer.pausedUntil });
    wake();
  }

  async function decline(connection: Connection, { job, reason, detail }: Frame<'decline'>): Promise<void> {
    const attempt = connection.jobs.get(job);
    if (attempt === undefined) return;
    connection.jobs.delete(job);
    const now = clock.now();
    if (reason === 'busy') {
      connection.busyUntil = now + BUSY_REST;
      clock.after(BUSY_REST + 1, wake);
    } else if (reason !== 'failed') connection.declined(attempt.circuit, reason, now);
    log.info({ hotkey: connection.hotkey, job, reason, detail }, 'a miner declined a job');
    await giveBack(attempt, reason, reason !== 'failed');
  }

  async function bye(connection: Connection): Promise<void> {
    const given = [...connection.jobs.values()];
    connection.leaving = true;
    connection.jobs.clear();
    for (const attempt of given) await giveBack(attempt, 'left', true);
    connection.close(1000, 'bye', 'goodbye');
  }

  // ---- what time, and other coordinators, bring ----------------------------------------------------------------------------------------

  function hear(announcement: Announcement): void {
    switch (announcement.topic) {
      case 'jobs': {
        wake();
        return;
      }
      case 'request':
        if (announcement.cancelled) inBackground('telling miners that jobs are over', () => tellCancelled(announcement.request));
        return;
      case 'session': {
        options.gateway().replace(announcement.session, announcement.connection);
        return;
      }
      case 'paused': {
        options.gateway().pause(announcement.hotkey, announcement.until);
        return;
      }
      case 'models':
        return;
    }
  }

  /** Tells miners that are connected here what was taken back from them. */
  async function tellCancelled(request: string): Promise<void> {
    const concerned = [...options.gateway().connections()].filter(({ jobs }) =>
      [...jobs.values()].some((attempt) => attempt.request === request),
    );
    if (concerned.length === 0) return;
    const cancelled = await store.query((database) =>
      database
        .select()
        .from(attempts)
        .where(and(eq(attempts.request, request), eq(attempts.state, 'cancelled'))),
    );
    for (const { session, job, number, reason } of cancelled) {
      const connection = options.gateway().bySession(session);
      if (connection?.jobs.get(job)?.number !== number) continue;
      connection.jobs.delete(job);
      connection.send({ type: 'cancel', job, reason: reason as Frame<'cancel'>['reason'] });
    }
    wake();
  }

  /** What nobody told: leases and deadlines that are over, requests whose coordinator died before it ended them. */
  async function sweep(): Promise<void> {
    await sayAlive();
    await options.proofs().renew();
    const now = clock.now();
    const expired = await store.query((database) =>
      database
        .select()
        .from(attempts)
        .where(and(inArray(attempts.state, ['open', 'verifying']), lt(attempts.leasedUntil, now)))
        .limit(SWEPT),
    );
    for (const attempt of expired) await expire(attempt, now);
    const late = await store.query((database) =>
      database
        .select({ id: requests.id, created: requests.created })
        .from(requests)
        .where(and(eq(requests.state, 'proving'), lte(requests.deadline, now)))
        .limit(SWEPT),
    );
    for (const request of late) await overdue(request, now);
    const complete = await store.query((database) =>
      database
        .select({ id: requests.id })
        .from(requests)
        .where(
          and(
            eq(requests.state, 'proving'),
            sql`not exists (select 1 from ${jobs} where ${jobs.request} = ${requests.id} and ${jobs.state} <> 'proven')`,
          ),
        )
        .limit(SWEPT),
    );
    for (const { id } of complete) await finishRequest(finish, id);
    const [queue] = await store.query((database) =>
      database
        .select({ count: sql<string>`count(*)` })
        .from(jobs)
        .where(eq(jobs.state, 'waiting')),
    );
    waiting = Number(queue!.count);
  }

  /** Says of the miners that are connected here that they are: others count on it. */
  async function sayAlive(): Promise<void> {
    const now = clock.now();
    if (now - saidAlive < settings.pingEvery) return;
    saidAlive = now;
    await store.query((database) =>
      database
        .update(sessions)
        .set({ seen: now })
        .where(and(eq(sessions.instance, store.instance), isNotNull(sessions.connection))),
    );
  }

  async function expire({ job, number, session }: typeof attempts.$inferSelect, now: number): Promise<void> {
    await changeJob(store, now, job, async (transaction) => {
      // Only where the lease was not renewed meanwhile.
      const [still] = await transaction
        .select()
        .from(attempts)
        .where(and(eq(attempts.job, job), eq(attempts.number, number), lt(attempts.leasedUntil, now)));
      if (still !== undefined) await moveAttempt(transaction, job, number, ['open', 'verifying'], { state: 'expired', finished: now });
    });
    const connection = options.gateway().bySession(session);
    if (connection?.jobs.get(job)?.number !== number) return;
    // Its proof would still be welcome; but it says nothing of it, and shall not be kept from other work.
    connection.jobs.delete(job);
    log.info({ hotkey: connection.hotkey, job }, 'a lease is over');
  }

  async function overdue({ id, created }: { id: string; created: number }, now: number): Promise<void> {
    const message = 'no proof of every slice was accepted before the deadline';
    const cancelled = await store.transaction((transaction) => failRequest(transaction, id, 'deadline', message, now));
    store.announce({ topic: 'request', request: id, cancelled });
    observer.requestOver({ state: 'failed', code: 'deadline', ms: now - created });
  }

  function poll(): void {
    inBackground('a sweep', async () => {
      try {
        await sweep();
        await options.onPoll();
        wake();
      } finally {
        if (!stopped) cancelPoll = clock.after(settings.pollEvery, poll);
      }
    });
  }

  let unlisten: () => void = () => undefined;
  return {
    desk,
    wake,
    /** Ends a request whose jobs are proven, in its own time. */
    finish: (request: string) => inBackground('making a bundle', () => finishRequest(finish, request)),
    /** Jobs that waited when last looked. */
    waiting: () => waiting,
    /** Leases of this coordinator that an earlier process left behind, where no other one can be: they end after the grace. */
    async start(): Promise<void> {
      if (store.embedded) {
        const until = clock.now() + settings.grace;
        await store.query((database) =>
          database
            .update(attempts)
            .set({ leasedUntil: sql`least(${attempts.leasedUntil}, ${until}::bigint)` })
            .where(inArray(attempts.state, ['open', 'verifying'])),
        );
      }
      unlisten = store.listen(hear);
      poll();
    },
    /** Ends a request at its deadline, to the millisecond. */
    watch(deadline: number): void {
      const cancel = clock.after(Math.max(0, deadline - clock.now()) + 1, () => {
        watched.delete(cancel);
        inBackground('a sweep', sweep);
      });
      watched.add(cancel);
    },
    /** Gives nothing out any more; what is out comes to its end. */
    async rest(): Promise<void> {
      resting = true;
      await pending;
    },
    async stop(): Promise<void> {
      resting = true;
      stopped = true;
      unlisten();
      for (const cancel of watched) cancel();
      watched.clear();
      cancelPoll();
      await pending;
      await Promise.all(begun);
    },
  };
}

export type WorkFloor = ReturnType<typeof workFloor>;
