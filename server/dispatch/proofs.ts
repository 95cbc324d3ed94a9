/**
 * What becomes of a proof: it is verified, whoever sent it, and the verdict is written once. A proof is welcome as long as its job is open, also when its lease is over: the same bytes sent again get
 * the same verdict.
 */
import { and, desc, eq, gt, inArray, sql } from 'drizzle-orm';
import { hexToBytes } from '@noble/hashes/utils.js';
import type { sessions } from '../store/schema.ts';
import { attempts, circuits, jobs, miners, requests, verdicts } from '../store/schema.ts';
import type { Store, Transaction } from '../store/store.ts';
import type { Blobs } from '../blobs/blobs.ts';
import { decodeCircuitFile } from '../../circuits/graph/file.ts';
import { decodeWeightsFile } from '../../circuits/graph/weights-file.ts';
import type { VerifierPool } from '../verify/pool.ts';
import { keyOf } from '../wire/keys.ts';
import type { Frame } from '../wire/frames.ts';
import { STRIKES } from '../wire/limits.ts';
import { jobContext, proofStatement, verdictStatement } from '../wire/statements.ts';
import type { Clock } from './clock.ts';
import type { CoordinatorKeys } from './identity.ts';
import { changeJob, moveAttempt, type CancelReason } from './jobs.ts';
import type { Observer } from './observer.ts';
import { signedBySession } from './session-signatures.ts';
import { isOver, type AttemptRow, type JobRow } from './view.ts';

const DAY = 24 * 3_600_000;
const HOUR = 3_600_000;

/** What a proof was answered with. `pausedUntil`: the hotkey rests from now on. */
export type Answer =
  | { readonly kind: 'verdict'; readonly frame: Frame<'verdict'>; readonly circuit: string; readonly pausedUntil: number | null }
  /** It is of no use any more, and was not verified. */
  | { readonly kind: 'cancel'; readonly reason: CancelReason; readonly circuit: string | null }
  /** The job was never given to this session. */
  | { readonly kind: 'foreign' }
  /** It is being verified already; that verdict comes. */
  | { readonly kind: 'verifying' };

/** A proof that came. */
export interface Arrival {
  /** Session key, 64 hexadecimal digits. */
  readonly session: string;
  readonly frame: Frame<'proof'>;
  /** When its last byte came. */
  readonly time: number;
  /** When the miner's proof before it came, as far as known. */
  readonly previous: number;
}

export interface ProofOptions {
  readonly store: Store;
  readonly blobs: Blobs;
  readonly verifier: VerifierPool;
  readonly keys: CoordinatorKeys;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly lease: number;
  /** A job was proven: its request may be. */
  readonly onProven: (request: string) => void;
}

/** The verdict on a proof, before it is signed. */
interface Judged {
  readonly ok: boolean;
  readonly check: string;
  readonly detail: string;
  readonly verifyMs: number;
}

export function proofDesk({ store, blobs, verifier, keys, clock, observer, lease, onProven }: ProofOptions) {
  /** Attempts whose proofs are being verified here: job and number. */
  const underWay = new Set<string>();

  /** Rejects where the verifiers or the database failed: then the attempt is open still, and the proof may be sent again. */
  async function receive(arrival: Arrival): Promise<Answer> {
    const { session, frame } = arrival;
    const found = await store.query((database) =>
      database
        .select({ attempt: attempts, job: jobs, circuit: circuits, requestState: requests.state })
        .from(attempts)
        .innerJoin(jobs, eq(jobs.id, attempts.job))
        .innerJoin(requests, eq(requests.id, jobs.request))
        .innerJoin(circuits, eq(circuits.digest, jobs.circuit))
        .where(and(eq(attempts.job, frame.job), eq(attempts.session, session)))
        .orderBy(desc(attempts.number))
        .limit(1),
    );
    const [row] = found;
    if (row === undefined) {
      const known = await store.query((database) => database.select({ id: jobs.id }).from(jobs).where(eq(jobs.id, frame.job)));
      return known.length > 0 ? { kind: 'foreign' } : { kind: 'cancel', reason: 'expired', circuit: null };
    }
    const { attempt, job, circuit, requestState } = row;
    const key = `${attempt.job} ${attempt.number}`;
    if (underWay.has(key)) return { kind: 'verifying' };
    if (attempt.state === 'proven' || attempt.state === 'refused') return toldAgain(attempt, job);
    if (isOver(job) || requestState !== 'proving' || attempt.state === 'declined' || attempt.state === 'cancelled') {
      observer.late(job.circuit);
      return { kind: 'cancel', reason: lateReason(attempt, job, requestState), circuit: job.circuit };
    }
    underWay.add(key);
    try {
      const hash = await blobs.nameOf(frame.proof);
      const [judged] = await Promise.all([judge(arrival, hash, attempt, job, circuit), markVerifying(attempt)]);
      return await record(arrival, hash, attempt, job, judged);
    } catch (error) {
      await changeJob(store, clock.now(), attempt.job, (transaction) =>
        moveAttempt(transaction, attempt.job, attempt.number, ['verifying'], { state: 'open' }),
      );
      throw error;
    } finally {
      underWay.delete(key);
    }
  }

  /** For those who watch, and so that the lease does not end meanwhile. */
  async function markVerifying({ job, number }: AttemptRow): Promise<void> {
    const now = clock.now();
    await changeJob(store, now, job, (transaction) =>
      moveAttempt(transaction, job, number, ['open', 'expired', 'verifying'], {
        state: 'verifying',
        instance: store.instance,
        leasedUntil: now + lease,
      }),
    );
  }

  async function judge(
    { session, frame }: Arrival,
    hash: string,
    attempt: AttemptRow,
    job: JobRow,
    files: typeof circuits.$inferSelect,
  ): Promise<Judged> {
    if (!signedBySession(hexToBytes(session), proofStatement(frame.job, hexToBytes(hash)), frame.signature))
      return { ok: false, check: 'signature', detail: 'the session key did not sign this proof for this job', verifyMs: 0 };
    const context = jobContext({ request: job.request, slice: job.slice, slices: job.slices, hotkey: keyOf(attempt.hotkey)! });
    const { verdict, ms } = await verifier.verify({
      digest: job.circuit,
      load: async () => ({
        circuit: decodeCircuitFile(await artefact(files.circuitBlob)),
        weights: decodeWeightsFile(await artefact(files.weightsBlob)),
      }),
      statement: { inputs: job.inputs as readonly Uint8Array[], outputs: job.outputs, context },
      proof: frame.proof,
    });
    return verdict.ok
      ? { ok: true, check: '', detail: '', verifyMs: ms }
      : { ok: false, check: verdict.check, detail: verdict.detail, verifyMs: ms };
  }

  async function artefact(hash: string): Promise<Uint8Array> {
    const bytes = await blobs.read(hash);
    if (bytes === null) throw new Error(`blob ${hash} of a circuit that was given out is missing`);
    return bytes;
  }

  /** Writes the verdict, and what follows from it. */
  async function record(arrival: Arrival, hash: string, attempt: AttemptRow, job: JobRow, judged: Judged): Promise<Answer> {
    const { frame, time, previous } = arrival;
    // Before the row that names it: what is accepted is not lost.
    if (judged.ok) await blobs.put(frame.proof, job.kind === 'client' ? 'proof' : 'benchmark-proof', hash);
    const serviceMs = Math.max(0, Math.round(time - Math.max(attempt.given, previous)));
    const statement = {
      request: job.request,
      job: job.id,
      slice: job.slice,
      slices: job.slices,
      hotkey: keyOf(attempt.hotkey)!,
      proofHash: hexToBytes(hash),
      ok: judged.ok,
      serviceMs,
      proofBytes: frame.proof.length,
    };
    const signature = keys.verdictKey.sign(verdictStatement(statement));
    const now = clock.now();
    const verdict: typeof verdicts.$inferSelect = {
      job: job.id,
      attempt: attempt.number,
      hotkey: attempt.hotkey,
      circuit: job.circuit,
      ok: judged.ok,
      check: judged.check.slice(0, 64),
      detail: judged.detail.slice(0, 1024),
      proofHash: hash,
      proofBytes: frame.proof.length,
      proofSignature: frame.signature,
      proveMs: frame.proveMs,
      serviceMs,
      verifyMs: judged.verifyMs,
      signature,
      created: now,
    };
    const outcome = await changeJob(store, now, job.id, async (transaction, locked) => {
      const to = { state: judged.ok ? 'proven' : 'refused', finished: now } as const;
      const mine = await moveAttempt(transaction, job.id, attempt.number, ['open', 'expired', 'verifying', 'cancelled'], to);
      // Somebody was first with this very proof, or this transaction was, and lost its connection while it was committed.
      if (!mine)
        return {
          verdict: await verdictOf(transaction, attempt),
          pausedUntil: null,
          first: false,
          proves: locked.job.provenBy === attempt.number,
        };
      await transaction.insert(verdicts).values(verdict);
      const proves = judged.ok && !isOver(locked.job);
      if (proves)
        await transaction
          .update(jobs)
          .set({ state: 'proven', provenBy: attempt.number, proof: verdict.proofHash, finished: now })
          .where(eq(jobs.id, job.id));
      await transaction
        .update(miners)
        .set(judged.ok ? { accepted: sql`${miners.accepted} + 1` } : { refused: sql`${miners.refused} + 1` })
        .where(eq(miners.hotkey, attempt.hotkey));
      return { verdict, pausedUntil: judged.ok ? null : await strike(transaction, attempt.hotkey, now), first: true, proves };
    });
    if (outcome === null) return { kind: 'cancel', reason: 'request-over', circuit: job.circuit };
    if (outcome.first)
      observer.verdict({
        circuit: job.circuit,
        ok: judged.ok,
        check: judged.check,
        serviceMs,
        verifyMs: judged.verifyMs,
        proofBytes: frame.proof.length,
      });
    if (outcome.proves) onProven(job.request);
    return { kind: 'verdict', frame: verdictFrame(outcome.verdict), circuit: job.circuit, pausedUntil: outcome.pausedUntil };
  }

  async function toldAgain(attempt: AttemptRow, job: JobRow): Promise<Answer> {
    const verdict = await store.transaction((transaction) => verdictOf(transaction, attempt));
    return { kind: 'verdict', frame: verdictFrame(verdict), circuit: job.circuit, pausedUntil: null };
  }

  /** Keeps attempts whose proofs are being verified here, however long that takes. */
  async function renew(): Promise<void> {
    if (underWay.size === 0) return;
    const ids = [...new Set([...underWay].map((key) => key.split(' ')[0]!))];
    await store.query((database) =>
      database
        .update(attempts)
        .set({ leasedUntil: clock.now() + lease })
        .where(and(inArray(attempts.job, ids), eq(attempts.state, 'verifying'), eq(attempts.instance, store.instance))),
    );
  }

  return { receive, renew };
}

export type ProofDesk = ReturnType<typeof proofDesk>;

function lateReason(attempt: AttemptRow, job: JobRow, requestState: string): CancelReason {
  if (job.state === 'proven') return 'answered';
  return requestState === 'proving' ? 'expired' : 'request-over';
}

async function verdictOf(transaction: Transaction, { job, number }: AttemptRow): Promise<typeof verdicts.$inferSelect> {
  const [verdict] = await transaction
    .select()
    .from(verdicts)
    .where(and(eq(verdicts.job, job), eq(verdicts.attempt, number)));
  if (verdict === undefined) throw new Error(`attempt ${number} at job ${job} was judged, and its verdict is missing`);
  return verdict;
}

function verdictFrame(verdict: typeof verdicts.$inferSelect): Frame<'verdict'> {
  const { job, ok, check, detail, serviceMs, verifyMs, proofBytes } = verdict;
  return {
    type: 'verdict',
    job,
    ok,
    check,
    detail,
    serviceMs,
    verifyMs,
    proofBytes,
    proofHash: hexToBytes(verdict.proofHash),
    signature: new Uint8Array(verdict.signature),
  };
}

/**
 * Counts refused proofs of a day, since the hotkey's last rest; with the third it rests for an hour. Until when, or null.
 */
async function strike(transaction: Transaction, hotkey: string, now: number): Promise<number | null> {
  const [miner] = await transaction.select().from(miners).where(eq(miners.hotkey, hotkey)).for('update');
  const since = Math.max(now - DAY, miner?.pausedUntil ?? 0);
  const [refused] = await transaction
    .select({ count: sql<string>`count(*)` })
    .from(verdicts)
    .where(and(eq(verdicts.hotkey, hotkey), eq(verdicts.ok, false), gt(verdicts.created, since)));
  if (Number(refused!.count) < STRIKES) return null;
  const pausedUntil = now + HOUR;
  await transaction.update(miners).set({ pausedUntil }).where(eq(miners.hotkey, hotkey));
  return pausedUntil;
}

/** The certificate of a session, as bundles have it. */
export function certificateOf(session: typeof sessions.$inferSelect) {
  return {
    origin: session.origin,
    coordinator: session.coordinator,
    hotkey: keyOf(session.hotkey)!,
    session: hexToBytes(session.key),
    nonce: new Uint8Array(session.nonce),
    expires: session.expires,
    signature: new Uint8Array(session.signature),
  };
}
