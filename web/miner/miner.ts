/**
 * A miner: connects to a coordinator, takes jobs, proves them, delivers the proofs. One code for tabs and Node; what differs comes with `MinerPlatform`.
 *
 * @example
 * const miner = createMiner(platform, { coordinator: 'https://example.org', identity: seedIdentity(seed), threads: 4, agent: 'veritab/0.1.0 (tab)' });
 * miner.state.subscribe(({ connection, work, totals }) => ...);
 * miner.start();
 */
import { bytesToHex } from '@noble/hashes/utils.js';
import type { Frame } from '../../server/wire/frames.ts';
import { createArtefacts } from '../client/artefacts.ts';
import { createBlobs } from '../client/blobs.ts';
import { connect, type Connection, type WorkFrame } from './connection.ts';
import type { Identity } from './identity.ts';
import { createJobs, type Work } from './jobs.ts';
import type { MinerPlatform } from './platform.ts';
import { createProvers } from './provers.ts';
import { createSessions } from './session.ts';
import { appended, changing, TIMES, VERDICTS, type MinerState, type MinerTotals, type MinerWork, type Observable } from './state.ts';

export interface MinerOptions {
  /** The coordinator's address, `https://host:port`. */
  readonly coordinator: string;
  readonly identity: Identity;
  /** Name and version of the software, at most 128 characters. */
  readonly agent: string;
  /** Threads that prove, 1 to 256. Default: the platform's parallelism. */
  readonly threads?: number;
  /** Jobs that it holds: the one it works on, and those that wait, 1 to 16. Default 2, so that the next one is there when a proof is done. */
  readonly capacity?: number;
  /** Whom proofs are paid to, 32 bytes. Default: the hotkey. */
  readonly payee?: Uint8Array | null;
  /** Bytes of memory that warm provers may keep. Default 1 GiB. */
  readonly memory?: number;
  /** Bytes of artefacts that are kept. Default 1 GiB. */
  readonly cache?: number;
  /** After so many milliseconds without a job memory is given back. Default a minute. */
  readonly restAfter?: number;
}

export interface Miner {
  readonly state: Observable<MinerState>;
  /** Connects, and stays connected; without effect while it runs. Throws `TypeError` for a coordinator's address that is none. */
  start(): void;
  /** Says goodbye, drops what it held, ends its workers. It may be started again. */
  stop(): Promise<void>;
  /** From the next job on; the coordinator hears of it on the next connection. */
  setThreads(threads: number): Promise<void>;
  /** Forgets downloaded artefacts. */
  clearCache(): Promise<void>;
}

const REST_AFTER = 60_000;

/** Throws `RangeError` for threads and capacities that a hello cannot say. */
export function createMiner(platform: MinerPlatform, options: MinerOptions): Miner {
  const { coordinator, identity, agent, capacity = 2, payee = null, memory = 2 ** 30, restAfter = REST_AFTER } = options;
  const { clock, storage, random } = platform;
  checkRange('capacity', capacity, 16);
  const blobs = createBlobs(coordinator, platform.fetch, storage.blobs, options.cache);
  const artefacts = createArtefacts(blobs, storage.records);
  const sessions = createSessions(identity, storage.records, random, () => clock.now());
  const threads = options.threads ?? Math.min(platform.prover.parallelism, 256);
  checkRange('threads', threads, 256);
  let provers = createProvers(platform.prover, artefacts, threads, memory);
  /** Provers of an earlier number of threads, to be ended when their last job is. */
  let retired: (typeof provers)[] = [];
  let connection: Connection | null = null;
  let endIdle = (): void => undefined;

  const state = changing<MinerState>({
    connection: { kind: 'stopped', reason: null },
    address: identity.address,
    threads,
    capacity,
    work: null,
    queued: 0,
    totals: { proofs: 0, proofBytes: 0, accepted: 0, refused: 0, declined: 0, cancelled: 0 },
    times: [],
    verdicts: [],
    trouble: null,
    provers: [],
    cache: { count: 0, bytes: 0 },
    network: null,
  });

  /** The totals with something added. */
  function counted(part: Partial<MinerTotals>): MinerTotals {
    const totals: Record<keyof MinerTotals, number> = { ...state.value.totals };
    for (const [name, more] of Object.entries(part)) totals[name as keyof MinerTotals] += more;
    return totals;
  }

  async function measureCache(): Promise<void> {
    const cache = await blobs.usage();
    const known = state.value.cache;
    if (cache.bytes !== known.bytes || cache.count !== known.count) state.change({ cache });
  }

  /** What is done while there is no job: half a second of practice, then nothing, then rest. */
  function idle(): void {
    const busy = new AbortController();
    // A worker that fails at this shows it with the next job.
    void provers.warmUp(busy.signal).catch(() => undefined);
    const cancel = clock.after(restAfter, () => {
      void provers.rest().then(() => state.change({ provers: provers.figures() }));
    });
    endIdle = () => {
      busy.abort();
      cancel();
    };
  }

  async function endRetired(): Promise<void> {
    const ended = retired;
    retired = [];
    await Promise.all(ended.map((own) => own.dispose()));
  }

  const jobs = createJobs({
    capacity,
    provers: () => provers,
    blobs,
    clock,
    send: (frame) => connection?.send(frame) ?? false,
    events: {
      changed(work, queued) {
        state.change({ work: work && summary(work), queued });
        endIdle();
        if (work !== null) return;
        void endRetired();
        if (connection !== null) idle();
      },
      proven(job, milliseconds, bytes) {
        const entry = { at: clock.now(), kind: job.kind, circuit: bytesToHex(job.circuit), milliseconds, bytes };
        const totals = counted({ proofs: 1, proofBytes: bytes });
        state.change({ times: appended(state.value.times, entry, TIMES), provers: provers.figures(), totals });
        void measureCache();
      },
      declined(_job, reason, detail) {
        state.change({ trouble: { at: clock.now(), reason, detail }, provers: provers.figures(), totals: counted({ declined: 1 }) });
      },
      cancelled: () => state.change({ totals: counted({ cancelled: 1 }) }),
    },
  });

  function onFrame(frame: WorkFrame): void {
    switch (frame.type) {
      case 'job': {
        jobs.take(frame);
        return;
      }
      case 'cancel': {
        jobs.cancel(frame);
        return;
      }
      case 'stats': {
        state.change({ network: { miners: frame.miners, queue: frame.queue } });
        return;
      }
      case 'verdict': {
        onVerdict(frame);
        return;
      }
    }
  }

  function onVerdict(frame: Frame<'verdict'>): void {
    const job = jobs.judged(frame.job);
    const entry = {
      at: clock.now(),
      job: frame.job,
      kind: job && job.kind,
      circuit: job && bytesToHex(job.circuit),
      ok: frame.ok,
      check: frame.check,
      detail: frame.detail,
      serviceMs: frame.serviceMs,
      verifyMs: frame.verifyMs,
      proofBytes: frame.proofBytes,
    };
    const totals = counted(frame.ok ? { accepted: 1 } : { refused: 1 });
    state.change({ verdicts: appended(state.value.verdicts, entry, VERDICTS), totals });
  }

  return {
    state,
    start() {
      if (connection !== null) return;
      void measureCache();
      connection = connect({
        coordinator,
        openSocket: platform.openSocket,
        clock,
        random,
        sessions,
        asks: identity.asks,
        hello: async () => ({ payee, agent, threads: state.value.threads, capacity, holds: (await artefacts.held()).map(bytesOf) }),
        events: {
          status(status) {
            if (status.kind === 'stopped') {
              connection = null;
              jobs.drop('the miner was stopped');
            }
            state.change({ connection: status, ...(status.kind !== 'connected' && { network: null }) });
          },
          welcome: (session, { open }) => jobs.welcome(session, open),
          frame: onFrame,
        },
      });
    },
    async stop() {
      connection?.stop();
      endIdle();
      retired.push(provers);
      provers = createProvers(platform.prover, artefacts, state.value.threads, memory);
      state.change({ provers: [] });
      await endRetired();
    },
    async setThreads(wanted) {
      checkRange('threads', wanted, 256);
      if (wanted === state.value.threads) return;
      retired.push(provers);
      provers = createProvers(platform.prover, artefacts, wanted, memory);
      state.change({ threads: wanted, provers: [] });
      if (state.value.work === null) await endRetired();
    },
    async clearCache() {
      await blobs.clear();
      await measureCache();
    },
  };
}

function checkRange(what: string, value: number, most: number): void {
  if (!Number.isInteger(value) || value < 1 || value > most) throw new RangeError(`expected ${what} of 1 to ${most}, got ${value}`);
}

function bytesOf(digest: string): Uint8Array {
  return Uint8Array.from({ length: digest.length / 2 }, (_, n) => Number.parseInt(digest.slice(2 * n, 2 * n + 2), 16));
}

function summary({ job, phase, since }: Work): MinerWork {
  const { request, kind, slice, slices } = job;
  return { job: job.job, request, kind, slice, slices, circuit: bytesToHex(job.circuit), phase, since };
}
