/**
 * Verification off the main thread: verifiers in workers of their own, one thread each, every one prepared for one circuit and kept until its memory is wanted for another.
 */
import type { Circuit, Weights } from '../../circuits/graph/circuit.ts';
import { nodePlatform } from '../../wasm/runtime/node.ts';
import type { ProverPlatform } from '../../wasm/runtime/platform.ts';
import { createVerifier, type WorkerVerifier } from '../../wasm/runtime/prover.ts';
import type { Refusal, Verdict } from '../../wasm/verify.ts';

/** Values of a circuit's output. */
export type Output = Uint8Array | Int32Array;

/** A circuit that proofs are verified for. */
export interface VerifiedCircuit {
  /** Its digest, 64 hexadecimal digits. */
  readonly digest: string;
  /** The circuit and its public weights; called when no verifier is prepared for it. */
  load(): Promise<{ readonly circuit: Circuit; readonly weights: Weights }>;
}

export interface Verification extends VerifiedCircuit {
  readonly statement: { readonly inputs: readonly Uint8Array[]; readonly outputs: readonly Output[]; readonly context: Uint8Array };
  readonly proof: Uint8Array;
  /** Takes a job back that waits; one that runs, runs to its end. */
  readonly signal?: AbortSignal | undefined;
}

export interface PoolOptions {
  /** Verifications at a time. */
  readonly workers: number;
  /** Jobs that may wait; one more is refused with `PoolFull`. */
  readonly queue?: number;
  /** Bytes that prepared verifiers may take; those unused for longest go first. */
  readonly memory?: number;
  readonly platform?: ProverPlatform;
}

/** As many verifications wait as may wait. */
export class PoolFull extends Error {
  override readonly name = 'PoolFull';
}

export interface PoolFigures {
  readonly running: number;
  readonly waiting: number;
  /** Verifiers that are prepared, and the bytes they take. */
  readonly prepared: number;
  readonly bytes: number;
  /** Workers that failed and were replaced. */
  readonly failures: number;
}

export interface VerifierPool {
  /**
   * Verifies a proof. `ms`: what the verification took, without waiting and preparing. Rejects with `PoolFull`, the signal's reason, what `load` threw, or, where two workers failed at it one
   * after the other, why the second did; never because of what is verified.
   */
  verify(job: Verification): Promise<{ readonly verdict: Verdict; readonly ms: number }>;
  /** Prepares a verifier, so that the first proof does not wait for it. A circuit that may not be proven gives its refusal. */
  prepare(circuit: VerifiedCircuit): Promise<Refusal | null>;
  figures(): PoolFigures;
  /** Refuses new jobs, finishes those that were taken, ends the workers. */
  close(): Promise<void>;
}

/** What a worker takes beside the kernels' memory: its heap and the code that it has loaded. */
const WORKER_BYTES = 24 * 2 ** 20;

/** A verifier that is prepared, and not at work unless somebody holds it. */
interface Prepared {
  readonly digest: string;
  readonly verifier: WorkerVerifier;
  /** 0 until it is known. */
  bytes: number;
}

/** A job that waits for its turn. */
interface Waiting {
  readonly start: () => void;
}

export function createVerifierPool(options: PoolOptions): VerifierPool {
  const { workers, queue = 4096, memory = 2 ** 29, platform = nodePlatform } = options;
  if (!Number.isInteger(workers) || workers < 1) throw new RangeError(`expected 1 worker or more, got ${workers}`);
  const waiting: Waiting[] = [];
  /** Prepared verifiers that nobody uses, the one unused for longest first. */
  const idle: Prepared[] = [];
  /** All that are prepared. */
  const all = new Set<Prepared>();
  let running = 0;
  let failures = 0;
  /** Called when nothing runs any more. */
  let ended: (() => void) | null = null;
  let closed: Promise<void> | null = null;

  async function dispose(prepared: Prepared): Promise<void> {
    all.delete(prepared);
    await prepared.verifier.dispose();
  }

  /** Ends verifiers that nobody uses until those that remain fit. */
  async function makeRoom(): Promise<void> {
    let bytes = [...all].reduce((sum, prepared) => sum + prepared.bytes, 0);
    while (bytes > memory && idle.length > 0) {
      const oldest = idle.shift()!;
      bytes -= oldest.bytes;
      await dispose(oldest);
    }
  }

  /** A verifier of the circuit that nobody else uses. */
  function take(digest: string): Prepared | null {
    const at = idle.findLastIndex((prepared) => prepared.digest === digest);
    return at < 0 ? null : idle.splice(at, 1)[0]!;
  }

  async function start(wanted: VerifiedCircuit): Promise<Prepared | Refusal> {
    const { circuit, weights } = await wanted.load();
    const verifier = await createVerifier(platform, circuit, weights, { threads: 1 });
    if (!verifier.ok) return verifier;
    const prepared = { digest: wanted.digest, verifier, bytes: 0 };
    all.add(prepared);
    return prepared;
  }

  async function giveBack(prepared: Prepared): Promise<void> {
    if (prepared.bytes === 0) {
      // Its memory has grown as far as its circuit needs.
      prepared.bytes = WORKER_BYTES + (await prepared.verifier.memory())!.size;
      await makeRoom();
    }
    idle.push(prepared);
  }

  /** Runs `action` with a verifier of the circuit; a worker that fails is replaced, once. */
  async function withVerifier<T>(circuit: VerifiedCircuit, action: (verifier: WorkerVerifier) => Promise<T>): Promise<T | Refusal> {
    for (let attempt = 1; ; attempt++) {
      const prepared = take(circuit.digest) ?? (await start(circuit));
      if ('ok' in prepared) return prepared;
      try {
        const result = await action(prepared.verifier);
        await giveBack(prepared);
        return result;
      } catch (error) {
        failures++;
        await dispose(prepared);
        if (attempt === 2) throw error;
      }
    }
  }

  /** Waits for one of the places to run, holds it during `action`. */
  async function inTurn<T>(signal: AbortSignal | undefined, action: () => Promise<T>): Promise<T> {
    signal?.throwIfAborted();
    if (closed) throw new Error('the verifiers are being closed');
    if (running < workers) running++;
    else await placeOf(signal);
    try {
      return await action();
    } finally {
      // A place is handed on, not given back and taken again: whoever comes later stays later.
      const next = waiting.shift();
      if (next) next.start();
      else running--;
      if (running === 0) ended?.();
    }
  }

  function placeOf(signal: AbortSignal | undefined): Promise<void> {
    if (waiting.length >= queue) throw new PoolFull(`${queue} proofs wait to be verified, which is all that may`);
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        waiting.splice(waiting.indexOf(entry), 1);
        reject(signal!.reason as Error);
      };
      const entry = {
        start: () => {
          signal?.removeEventListener('abort', leave);
          resolve();
        },
      };
      signal?.addEventListener('abort', leave, { once: true });
      waiting.push(entry);
    });
  }

  return {
    verify: (job) =>
      inTurn(job.signal, async () => {
        let ms = 0;
        const verdict = await withVerifier(job, async (verifier) => {
          const start = performance.now();
          const found = await verifier.verify(job.statement, job.proof);
          ms = performance.now() - start;
          return found;
        });
        return { verdict, ms };
      }),
    prepare: (circuit) => inTurn(undefined, () => withVerifier(circuit, async () => null)),
    figures: () => ({
      running,
      waiting: waiting.length,
      prepared: all.size,
      bytes: [...all].reduce((sum, { bytes }) => sum + bytes, 0),
      failures,
    }),
    close() {
      closed ??= (async () => {
        if (running > 0) {
          await new Promise<void>((resolve) => {
            ended = resolve;
          });
        }
        await Promise.all([...all].map(dispose));
        idle.length = 0;
      })();
      return closed;
    },
  };
}
