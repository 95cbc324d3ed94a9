/** The end of a request: when its last slice is proven, everything that a stranger needs is put into one file. */
import { and, asc, eq, sql } from 'drizzle-orm';
import { hexToBytes } from '@noble/hashes/utils.js';
import type { Blobs } from '../blobs/blobs.ts';
import { attempts, jobs, requests, sessions, verdicts } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import { encodeBundle, type BundleSlice } from '../wire/bundle.ts';
import type { Clock } from './clock.ts';
import { appendEvents } from './events.ts';
import type { CoordinatorKeys } from './identity.ts';
import { failRequest } from './jobs.ts';
import type { Observer } from './observer.ts';
import { certificateOf } from './proofs.ts';
import { inferenceOf } from './view.ts';

export interface FinishOptions {
  readonly store: Store;
  readonly blobs: Blobs;
  readonly keys: CoordinatorKeys;
  readonly clock: Clock;
  readonly observer: Observer;
}

/**
 * Ends a request if all its jobs are proven: a client's with a bundle, a benchmark without. May be called at any time, by several coordinators at once, and again after a crash: one of them ends it.
 * Whether it was this call.
 */
export async function finishRequest({ store, blobs, keys, clock, observer }: FinishOptions, id: string): Promise<boolean> {
  const state = await store.query(async (database) => {
    const [request] = await database.select().from(requests).where(eq(requests.id, id));
    if (request?.state !== 'proving') return null;
    const [open] = await database
      .select({ count: sql<string>`count(*)` })
      .from(jobs)
      .where(and(eq(jobs.request, id), sql`${jobs.state} <> 'proven'`));
    return Number(open!.count) > 0 ? null : request;
  });
  if (state === null) return false;

  let bundle: string | null = null;
  if (state.kind === 'client') {
    const slices = await slicesOf(store, blobs, id);
    if (slices === null) return fail('lost', 'a proof of this request is no longer kept');
    bundle = await blobs.put(
      encodeBundle({
        model: hexToBytes(state.model),
        request: id,
        created: clock.now(),
        coordinator: keys.identity,
        cuts: state.cuts,
        inputs: state.inputs as readonly Uint8Array[],
        outputs: state.outputs,
        slices,
        artefacts: null,
      }),
      'bundle',
    );
  }
  const now = clock.now();
  const ended = await store.transaction(async (transaction) => {
    const [request] = await transaction
      .update(requests)
      .set({ state: 'proven', finished: now, bundle })
      .where(and(eq(requests.id, id), eq(requests.state, 'proving')))
      .returning();
    if (request === undefined) return false;
    await appendEvents(transaction, [{ request: id, event: { type: 'over', inference: await inferenceOf(transaction, request, now) } }]);
    return true;
  });
  if (ended) {
    store.announce({ topic: 'request', request: id, cancelled: false });
    observer.requestOver({ state: 'proven', code: null, ms: now - state.created });
  }
  return ended;

  async function fail(code: string, message: string): Promise<boolean> {
    await store.transaction((transaction) => failRequest(transaction, id, code, message, clock.now()));
    store.announce({ topic: 'request', request: id, cancelled: false });
    observer.requestOver({ state: 'failed', code, ms: clock.now() - state!.created });
    return false;
  }
}

/** What a bundle says of each slice; null where a proof is missing. */
async function slicesOf(store: Store, blobs: Blobs, request: string): Promise<BundleSlice[] | null> {
  const rows = await store.query((database) =>
    database
      .select({ job: jobs, verdict: verdicts, session: sessions })
      .from(jobs)
      .innerJoin(attempts, and(eq(attempts.job, jobs.id), eq(attempts.number, jobs.provenBy)))
      .innerJoin(verdicts, and(eq(verdicts.job, jobs.id), eq(verdicts.attempt, jobs.provenBy)))
      .innerJoin(sessions, eq(sessions.key, attempts.session))
      .where(eq(jobs.request, request))
      .orderBy(asc(jobs.slice)),
  );
  const slices: BundleSlice[] = [];
  for (const { job, verdict, session } of rows) {
    const proof = await blobs.read(verdict.proofHash);
    if (proof === null) return null;
    slices.push({
      crossing: job.crossing === null ? null : (job.outputs[job.crossing] as Uint8Array),
      proof,
      job: job.id,
      certificate: certificateOf(session),
      proofSignature: new Uint8Array(verdict.proofSignature),
      serviceMs: verdict.serviceMs,
      verdictSignature: new Uint8Array(verdict.signature),
    });
  }
  return slices;
}
