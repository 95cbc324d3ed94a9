/** The jobs of a miner: a queue as long as it said it would hold, one proof at a time, and proofs that nobody has judged yet. */
import { blake3 } from '@noble/hashes/blake3.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import type { Frame, MinerFrame } from '../../server/wire/frames.ts';
import { LEASE } from '../../server/wire/limits.ts';
import { jobContext, proofStatement } from '../../server/wire/statements.ts';
import type { CircuitNames } from '../client/artefacts.ts';
import { type Blobs } from '../client/blobs.ts';
import type { Clock } from '../client/clock.ts';
import { JobFailure, type JobPhase, type Provers } from './provers.ts';
import type { Session } from './session.ts';

/** Largest input of a circuit. */
const MAX_INPUT_BYTES = 2 ** 26;
/** Proofs that are kept until they are judged. A coordinator that is away does not let them grow in number. */
const MAX_UNJUDGED = 32;
/** Phases are not reported more often: small proofs are over before anybody could look. */
const REPORT_EVERY = 50;
/** Whoever works on a job renews its lease. */
const RENEW_EVERY = LEASE / 3;

/** A job that is being worked on. */
export interface Work {
  readonly job: Frame<'job'>;
  readonly phase: JobPhase;
  /** When it was begun, and when the phase was: ms since 1970. */
  readonly since: number;
}

export interface JobEvents {
  /** Queue or work changed. */
  changed(work: Work | null, queued: number): void;
  proven(job: Frame<'job'>, milliseconds: number, proofBytes: number): void;
  declined(job: Frame<'job'>, reason: Frame<'decline'>['reason'], detail: string): void;
  cancelled(job: Frame<'job'>, reason: string): void;
}

export interface Jobs {
  take(job: Frame<'job'>): void;
  cancel(frame: Frame<'cancel'>): void;
  /** Forgets the proof; gives the job that it was about, or null where it is not known. */
  judged(job: string): Frame<'job'> | null;
  /** A connection has begun: what the coordinator still waits for is delivered or worked on, the rest is dropped. */
  welcome(session: Session, open: readonly string[]): void;
  /** Drops everything. */
  drop(reason: string): void;
}

interface Order {
  readonly job: Frame<'job'>;
  readonly session: Session;
  /** After this it is of use to nobody. */
  readonly until: number;
  readonly abort: AbortController;
  /** Nobody waits for it any more. */
  over: boolean;
}

interface Unjudged {
  readonly job: Frame<'job'>;
  readonly session: Session;
  readonly frame: Frame<'proof'>;
}

/** Text as a frame may carry it. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').slice(0, 1024);
}

function namesOf({ circuit, circuitBlob, weightsBlob }: Frame<'job'>): CircuitNames {
  return { digest: bytesToHex(circuit), circuitBlob: bytesToHex(circuitBlob), weightsBlob: bytesToHex(weightsBlob) };
}

export interface JobsOptions {
  readonly capacity: number;
  readonly provers: () => Provers;
  readonly blobs: Blobs;
  readonly clock: Clock;
  readonly send: (frame: MinerFrame) => boolean;
  readonly events: JobEvents;
}

export function createJobs({ capacity, provers, blobs, clock, send, events }: JobsOptions): Jobs {
  const queue: Order[] = [];
  let running: { readonly order: Order; readonly begun: number; work: Work } | null = null;
  let session: Session | null = null;
  /** By job, in the order in which they were proven. */
  const unjudged = new Map<string, Unjudged>();

  const changed = (): void => events.changed(running?.work ?? null, queue.length);

  function decline(job: Frame<'job'>, reason: Frame<'decline'>['reason'], detail: string): void {
    send({ type: 'decline', job: job.job, reason, detail: oneLine(detail) });
    events.declined(job, reason, detail);
  }

  /** Marks a job as over. `stop`: whether the proof that may be under way is stopped too. */
  function cancelOrder(order: Order, reason: string, stop = true): void {
    if (!order.over) events.cancelled(order.job, reason);
    order.over = true;
    if (stop) order.abort.abort(new Error(reason));
  }

  function next(): void {
    if (running !== null) return;
    const order = queue.shift();
    if (order === undefined) {
      changed();
      return;
    }
    if (clock.now() >= order.until) {
      cancelOrder(order, 'expired');
      next();
      return;
    }
    const begun = clock.now();
    running = { order, begun, work: { job: order.job, phase: 'forward', since: begun } };
    changed();
    void run(order).finally(() => {
      running = null;
      next();
    });
  }

  async function run(order: Order): Promise<void> {
    const { job, session: own } = order;
    const { signal } = order.abort;
    let reported = -Infinity;
    let phase: JobPhase | null = null;
    let stopReports = (): void => undefined;
    /** Says which phase it is, now and for as long as it lasts. */
    const report = (): void => {
      if (phase === null || order.over) return;
      reported = clock.now();
      send({ type: 'progress', job: job.job, phase });
      stopReports = clock.after(RENEW_EVERY, report);
    };
    const onPhase = (begun: JobPhase): void => {
      phase = begun;
      if (running === null || order.over) return;
      running.work = { ...running.work, phase };
      changed();
      stopReports();
      const early = reported + REPORT_EVERY - clock.now();
      if (early <= 0) report();
      else stopReports = clock.after(early, report);
    };
    try {
      const inputs = await inputsOf(job, signal);
      const { hotkey } = own.certificate;
      const context = jobContext({ request: job.request, slice: job.slice, slices: job.slices, hotkey });
      const { proof, milliseconds } = await provers().prove(namesOf(job), inputs, context, { signal, onPhase });
      if (order.over) return;
      deliver({ job, session: own, frame: proofFrame(job, own, proof, milliseconds) });
      events.proven(job, milliseconds, proof.length);
    } catch (error) {
      if (order.over) return;
      const { reason, message } = error instanceof JobFailure ? error : new JobFailure('failed', String(error), { cause: error });
      decline(job, reason, message);
    } finally {
      stopReports();
    }
  }

  async function inputsOf({ inputs }: Frame<'job'>, signal: AbortSignal): Promise<readonly Uint8Array[]> {
    if (inputs.kind === 'inline') return inputs.values;
    try {
      return await Promise.all(inputs.hashes.map((hash) => blobs.get(bytesToHex(hash), { limit: MAX_INPUT_BYTES, signal })));
    } catch (cause) {
      throw new JobFailure('artefact', (cause as Error).message, { cause });
    }
  }

  function proofFrame({ job }: Frame<'job'>, { key }: Session, proof: Uint8Array, milliseconds: number): Frame<'proof'> {
    return { type: 'proof', job, proof, proveMs: milliseconds, signature: key.sign(proofStatement(job, blake3(proof))) };
  }

  /** Sends a proof, and keeps it until it is judged: the connection may be away, or be lost before it has arrived. */
  function deliver(proven: Unjudged): void {
    unjudged.set(proven.job.job, proven);
    while (unjudged.size > MAX_UNJUDGED) unjudged.delete(unjudged.keys().next().value!);
    send(proven.frame);
  }

  /** Downloads what a waiting job will need. What goes wrong shows when its turn comes. */
  function prefetch({ job, abort: { signal } }: Order): void {
    for (const hash of [job.circuitBlob, job.weightsBlob].map((bytes) => bytesToHex(bytes))) {
      void blobs
        .has(hash)
        .then(async (known) => {
          if (!known) await blobs.get(hash, { limit: 2 ** 28, signal });
        })
        .catch(() => undefined);
    }
  }

  return {
    take(job) {
      const held = queue.length + (running ? 1 : 0);
      if (session === null || held >= capacity) {
        decline(job, 'busy', `it holds ${held} of at most ${capacity} jobs`);
        return;
      }
      const order = { job, session, until: clock.now() + job.within, abort: new AbortController(), over: false };
      send({ type: 'accept', job: job.job });
      // Clients go first.
      const behind = job.kind === 'client' ? queue.findIndex((waiting) => waiting.job.kind === 'benchmark') : -1;
      queue.splice(behind < 0 ? queue.length : behind, 0, order);
      if (running) {
        prefetch(order);
        changed();
      } else next();
    },
    cancel({ job, reason }) {
      unjudged.delete(job);
      const at = queue.findIndex((order) => order.job.job === job);
      if (at >= 0) {
        cancelOrder(queue.splice(at, 1)[0]!, reason);
        changed();
        return;
      }
      if (running?.order.job.job === job) stopRunning(reason);
    },
    judged(job) {
      const own = unjudged.get(job);
      unjudged.delete(job);
      return own?.job ?? null;
    },
    welcome(begun, open) {
      const wanted = new Set(open);
      const same = session === null || session === begun;
      session = begun;
      const isOver = ({ job, session: own }: { job: Frame<'job'>; session: Session }): boolean => own !== begun || !wanted.has(job.job);
      for (const [job, proven] of unjudged) {
        if (isOver(proven)) unjudged.delete(job);
        else send(proven.frame);
      }
      for (const order of queue.filter(isOver)) {
        queue.splice(queue.indexOf(order), 1);
        cancelOrder(order, same ? 'given to another miner' : 'the session is over');
      }
      if (running && isOver(running.order)) stopRunning('given to another miner');
      const known = new Set([...unjudged.keys(), ...queue.map(({ job }) => job.job), ...(running ? [running.order.job.job] : [])]);
      for (const job of wanted) {
        if (!known.has(job)) send({ type: 'decline', job, reason: 'failed', detail: 'the miner was started anew' });
      }
      changed();
    },
    drop(reason) {
      for (const order of queue.splice(0)) cancelOrder(order, reason);
      if (running) cancelOrder(running.order, reason);
      unjudged.clear();
      session = null;
      changed();
    },
  };

  /** Stops the proof that is under way, where that is worth it: stopping ends the prover's worker, which then is to be prepared anew. */
  function stopRunning(reason: string): void {
    const { order, begun } = running!;
    const pace = provers().pace(bytesToHex(order.job.circuit));
    const left = pace === null ? Infinity : pace.prove - (clock.now() - begun);
    cancelOrder(order, reason, pace === null || left >= pace.prepare);
  }
}
