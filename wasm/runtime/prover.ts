/**
 * Provers and verifiers that live in a worker, as their owner sees them. A worker that fails is replaced when the next job comes; one job runs at a time, the others wait in order.
 */
import { wrap, type Endpoint, type Remote } from 'comlink';
import type { Circuit, Weights } from '../../circuits/graph/circuit.ts';
import type { Phase, PrepareOptions, Proven } from '../prove.ts';
import type { Statement } from '../statement/statement.ts';
import type { Refusal, Verdict, WeightStanding } from '../verify.ts';
import { KernelFailure } from './instance.ts';
import { revive, type Outcome } from './outcome.ts';
import type { ProverPlatform, WorkerHandle } from './platform.ts';
import type { MemoryFigures, PhaseMessage, ProverService } from './prover-worker.ts';

export interface WorkerOptions {
  /** Threads that compute; default: the platform's parallelism. More than 1 only where memory can be shared with workers. */
  readonly threads?: number;
  /** Hard limit of the kernels' memory in pages of 64 KiB. */
  readonly maximumPages?: number;
}

export interface ProverOptions extends WorkerOptions, PrepareOptions {
  /**
   * For how long, as part of preparation, proofs are made and thrown away (`Prover.warmUp`), so that the first one that is asked for is as quick as later ones. Default 0: for a single proof it would be
   * time lost. Half a second is enough for most circuits.
   */
  readonly warmUpMs?: number | undefined;
  /** Gives up the preparation, warm-up included, at once. */
  readonly signal?: AbortSignal | undefined;
}

/** What provers and verifiers have in common. */
interface InWorker {
  /** Figures of the worker's memory, or null when no worker runs. Waits for the jobs that were ordered before. */
  memory(): Promise<MemoryFigures | null>;
  /** Ends the worker after the jobs that were ordered before, so that its memory is given back; the next job starts a new one. */
  rest(): Promise<void>;
  /** Ends the worker at once, for good. Jobs that run or wait are rejected. */
  dispose(): Promise<void>;
}

export interface Prover extends InWorker {
  /** The circuit's digest. */
  readonly digest: Uint8Array;
  /**
   * Proves one inference. Rejects with the signal's reason when it is aborted (the worker is stopped at once, wherever it is), with `KernelFailure` when the worker failed, with `OutOfMemory`
   * where the memory does not suffice.
   */
  prove(
    inputs: readonly Uint8Array[],
    context: Uint8Array,
    options?: { readonly signal?: AbortSignal | undefined; readonly onProgress?: ((phase: Phase) => void) | undefined },
  ): Promise<Proven>;
  /**
   * Makes proofs of seeded inputs for so many milliseconds (and at most one phase of a proof more), and throws them away: the engine compiles what it sees often. Proofs that are asked for meanwhile come in
   * between. Resolves with the number of proofs; rejects as `prove` does. Does not change any proof.
   */
  warmUp(milliseconds: number, options?: { readonly signal?: AbortSignal | undefined }): Promise<number>;
}

export interface WorkerVerifier extends InWorker {
  readonly ok: true;
  readonly digest: Uint8Array;
  readonly weights: WeightStanding;
  /** Never rejects because of what is verified; rejects as `Prover.prove` does. */
  verify(statement: Statement, proof: Uint8Array, options?: { readonly signal?: AbortSignal | undefined }): Promise<Verdict>;
}

/** A worker that has started and prepared. */
interface Live {
  readonly handle: WorkerHandle;
  readonly service: Remote<ProverService>;
  /** Rejects the call that is under way, if any. */
  interrupt: ((reason: unknown) => void) | null;
  /** Why it is to be called no more. */
  over: { readonly reason: unknown } | null;
}

/** A call to a worker. */
type Action<T> = (service: Remote<ProverService>, endpoint: Endpoint) => Promise<Outcome<T>>;

/**
 * Starts a prover of a circuit. Rejects with the circuit's refusal, with `MemoryRefusal` where a proof would not fit into the memory it may have (then none was taken), or with the reason why no worker
 * can be started.
 */
export async function createProver(
  platform: ProverPlatform,
  circuit: Circuit,
  weights: Weights,
  options: ProverOptions = {},
): Promise<Prover> {
  const { memoryLimit, warmUpMs = 0, signal: givingUp } = options;
  const worker = replaceableWorker(platform, options, (service) => service.prepareProver(circuit, weights, { memoryLimit }));
  const warmUp: Prover['warmUp'] = async (milliseconds, { signal } = {}) => {
    const end = performance.now() + milliseconds;
    for (let proofs = 0; ; proofs++) {
      const left = end - performance.now();
      if (left <= 0 || !(await worker.run(signal, (service) => service.warmUp(proofs, left)))) return proofs;
    }
  };
  const digest = await worker.prepared(givingUp);
  try {
    await warmUp(warmUpMs, { signal: givingUp });
  } catch (error) {
    await worker.controls.dispose();
    throw error;
  }
  return {
    digest,
    warmUp,
    prove: (inputs, context, { signal, onProgress } = {}) =>
      worker.run(signal, async (service, endpoint) => {
        const listener = (event: Event): void => {
          const { phase } = (event as MessageEvent<Partial<PhaseMessage>>).data;
          if (phase !== undefined) onProgress?.(phase);
        };
        endpoint.addEventListener('message', listener);
        try {
          return await service.prove(inputs, context);
        } finally {
          endpoint.removeEventListener('message', listener);
        }
      }),
    ...worker.controls,
  };
}

export interface VerifierOptions extends WorkerOptions {
  /** The registration proof of committed weights. */
  readonly registration?: Uint8Array | null;
}

/** Starts a verifier of a circuit in a worker; `weights` is null where they are committed. A circuit that breaks a rule gives a refusal, as in `prepareVerifier`. */
export async function createVerifier(
  platform: ProverPlatform,
  circuit: Circuit,
  weights: Weights | null,
  options: VerifierOptions = {},
): Promise<WorkerVerifier | Refusal> {
  const { registration = null } = options;
  const worker = replaceableWorker(platform, options, (service) => service.prepareVerifier(circuit, weights, registration));
  const accepted = await worker.prepared(undefined);
  if (!accepted.ok) {
    await worker.controls.dispose();
    return accepted;
  }
  return {
    ok: true,
    digest: accepted.digest,
    weights: accepted.weights,
    verify: (statement, proof, { signal } = {}) => worker.run(signal, (service) => service.verify(statement, proof)),
    ...worker.controls,
  };
}

function replaceableWorker<P>(
  platform: ProverPlatform,
  options: WorkerOptions,
  prepare: (service: Remote<ProverService>) => Promise<Outcome<P>>,
) {
  const { threads = platform.parallelism, maximumPages } = options;
  let live: Live | null = null;
  let tail: Promise<unknown> = Promise.resolve();
  let disposed = false;
  /** Settles when the worker that was ended last has gone. */
  let ending: Promise<void> = Promise.resolve();

  /** Ends a worker, if it has not ended; a call that is under way is rejected with `reason`. Resolves when it has gone. */
  async function end(worker: Live | null, reason: unknown): Promise<void> {
    if (worker?.over === null) {
      if (live === worker) live = null;
      worker.over = { reason };
      worker.interrupt?.(reason);
      ending = worker.handle.end();
    }
    await ending;
  }

  /** One call to the worker: its value, or the reason why there is none. */
  async function call<T>(worker: Live, action: Action<T>): Promise<T> {
    if (worker.over !== null) throw worker.over.reason;
    const interrupted = new Promise<never>((_, reject) => {
      worker.interrupt = reject;
    });
    try {
      const outcome = await Promise.race([action(worker.service, worker.handle.endpoint), interrupted]);
      if (outcome.ok) return outcome.value;
      const error = revive(outcome.error);
      // Its memory may hold anything now.
      if (error instanceof KernelFailure) await end(worker, error);
      throw error;
    } finally {
      worker.interrupt = null;
    }
  }

  async function start(): Promise<{ worker: Live; value: P }> {
    const handle = platform.startProver();
    const worker: Live = { handle, service: wrap<ProverService>(handle.endpoint), interrupt: null, over: null };
    live = worker;
    handle.onFailure((error) => void end(worker, new KernelFailure(`the worker failed: ${error.message}`, { cause: error })));
    try {
      await call(worker, (service) => service.start({ threads, maximumPages }));
      return { worker, value: await call(worker, prepare) };
    } catch (error) {
      await end(worker, error);
      throw error;
    }
  }

  /** Runs `action` when everything ordered before has ended. */
  function inTurn<T>(action: () => Promise<T>): Promise<T> {
    const result = tail.then(() => {
      if (disposed) throw new Error('the prover was disposed');
      return action();
    });
    tail = result.catch(() => undefined);
    return result;
  }

  /** Runs `action` when everything ordered before has ended; the worker is ended when `signal` is aborted meanwhile. */
  function abortable<T>(signal: AbortSignal | undefined, action: () => Promise<T>): Promise<T> {
    return inTurn(async () => {
      signal?.throwIfAborted();
      const abort = (): void => void end(live, signal!.reason);
      signal?.addEventListener('abort', abort, { once: true });
      try {
        return await action();
      } finally {
        signal?.removeEventListener('abort', abort);
      }
    });
  }

  const run = <T>(signal: AbortSignal | undefined, action: Action<T>): Promise<T> =>
    abortable(signal, async () => call(live ?? (await start()).worker, action));

  const controls: InWorker = {
    memory: () => inTurn(async () => (live === null ? null : call(live, (service) => service.memory()))),
    rest: () => inTurn(() => end(live, null)),
    async dispose() {
      disposed = true;
      await end(live, new Error('the prover was disposed'));
    },
  };
  const prepared = (signal: AbortSignal | undefined): Promise<P> => abortable(signal, async () => (await start()).value);
  return { prepared, run, controls };
}
