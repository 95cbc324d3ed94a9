/**
 * The worker in which a circuit is proven, or proofs of it are verified: it makes one memory and its threads once, prepares one circuit, and then does one job after the other. A job
 * blocks it; it is ended from outside.
 */
import { expose, type Endpoint } from 'comlink';
import type { Circuit, Weights } from '../../circuits/graph/circuit.ts';
import type { LocalProver, Phase, PrepareOptions, prepareProver, Proven } from '../prove.ts';
import type { Statement } from '../statement/statement.ts';
import type { prepareVerifier, Refusal, Verdict, Verifier, WeightStanding } from '../verify.ts';
import { ARENA } from './control.ts';
import { outcomeOf, type Outcome } from './outcome.ts';
import type { KernelPlatform } from './platform.ts';
import { startKernels, type RunningKernels } from './threads.ts';
import { warmUpProof } from './warm-up.ts';

/** Of the kernels' memory, in bytes. */
export interface MemoryFigures {
  /** The whole memory; it never shrinks. */
  readonly size: number;
  /** What preparation took. */
  readonly prepared: number;
  /** The most that was in use at a time since the worker started. */
  readonly peak: number;
}

/** What the worker's owner may call, in this order: start, one of the preparations, then jobs. */
export interface ProverService {
  start(options: { threads: number; maximumPages?: number | undefined }): Promise<Outcome<void>>;
  /** Gives the circuit's digest. */
  prepareProver(circuit: Circuit, weights: Weights, options: PrepareOptions): Promise<Outcome<Uint8Array>>;
  prepareVerifier(
    circuit: Circuit,
    weights: Weights | null,
    registration: Uint8Array | null,
  ): Promise<Outcome<Refusal | { readonly ok: true; readonly digest: Uint8Array; readonly weights: WeightStanding }>>;
  /** See `warmUpProof`. */
  warmUp(seed: number, milliseconds: number): Promise<Outcome<boolean>>;
  /** Sends `PhaseMessage`s meanwhile. */
  prove(inputs: readonly Uint8Array[], context: Uint8Array): Promise<Outcome<Proven>>;
  verify(statement: Statement, proof: Uint8Array): Promise<Outcome<Verdict>>;
  memory(): Promise<Outcome<MemoryFigures>>;
}

/** What the worker says, besides its answers, as a phase of a proof begins. It says so over the same endpoint, so that it arrives before the answer. */
export interface PhaseMessage {
  readonly phase: Phase;
}

/** The front doors, which are passed in. */
export interface Doors {
  readonly prepareProver: typeof prepareProver;
  readonly prepareVerifier: typeof prepareVerifier;
}

/** Answers the calls that come in over `endpoint`. */
export function serveProver(endpoint: Endpoint, platform: KernelPlatform, doors: Doors): void {
  let running: RunningKernels | null = null;
  let prover: (LocalProver & { readonly circuit: Circuit }) | null = null;
  let verifier: Verifier | null = null;
  let prepared = ARENA;

  const kernels = (): RunningKernels['kernels'] => running?.kernels ?? missing('started');
  const service: ProverService = {
    start: (options) =>
      outcomeOf(async () => {
        if (running !== null) throw new Error('the worker has been started already');
        running = await startKernels(await platform.loadKernels(), () => platform.startThread(), options);
      }),
    prepareProver: (circuit, weights, options) =>
      outcomeOf(() => {
        refuseSecond(prover ?? verifier);
        prover = { ...doors.prepareProver(kernels(), circuit, weights, options), circuit };
        prepared = kernels().arena.mark();
        return prover.digest;
      }),
    prepareVerifier: (circuit, weights, registration) =>
      outcomeOf(() => {
        refuseSecond(prover ?? verifier);
        const result = doors.prepareVerifier(kernels(), circuit, weights, registration);
        if (!result.ok) return result;
        verifier = result;
        prepared = kernels().arena.mark();
        return { ok: true, digest: result.digest, weights: result.weights };
      }),
    warmUp: (seed, milliseconds) =>
      outcomeOf(() => {
        const own = prover ?? missing('prepared to prove');
        return warmUpProof(own, own.circuit, seed, milliseconds);
      }),
    prove: (inputs, context) =>
      outcomeOf(() => {
        const onProgress = (phase: Phase): void => endpoint.postMessage({ phase } satisfies PhaseMessage);
        const proven = (prover ?? missing('prepared to prove')).prove(inputs, context, { onProgress });
        return { ...proven, outputs: proven.outputs.map(detached), proof: detached(proven.proof) };
      }),
    verify: (statement, proof) => outcomeOf(() => (verifier ?? missing('prepared to verify')).verify(statement, proof)),
    memory: () => outcomeOf(() => ({ size: kernels().bytes.length, prepared: prepared - ARENA, peak: kernels().arena.peak - ARENA })),
  };
  expose(service, endpoint);
}

/** A view of shared memory would take the whole memory with it. */
function detached<T extends Uint8Array | Int32Array>(array: T): T {
  return array.buffer instanceof ArrayBuffer ? array : (array.slice() as T);
}

function missing(what: string): never {
  throw new Error(`the worker has not been ${what}`);
}

function refuseSecond(prepared: unknown): void {
  if (prepared !== null) throw new Error('the worker has prepared a circuit already');
}
