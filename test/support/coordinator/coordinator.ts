/**
 * A small coordinator that keeps to the protocol: real frames, signatures, and proofs that it verifies, on real sockets. It holds all in memory, gives each job to the miner with the fewest, and lets
 * tests do wrong things to both sides.
 */
import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { blake3 } from '@noble/hashes/blake3.js';
import { uuidv7 } from 'uuidv7';
import { WebSocketServer } from 'ws';
import { execute } from '../../../circuits/execute/execute.ts';
import type { Bundle, BundleSlice } from '../../../server/wire/bundle.ts';
import type { Frame } from '../../../server/wire/frames.ts';
import type { Inference, InferenceEvent, JobInfo } from '../../../server/wire/http.ts';
import { addressOf, hotkeyFromSeed, sessionKeyFromSecret, sessionKeySigned } from '../../../server/wire/keys.ts';
import { LEASE, MAX_FRAME_BYTES, MINER_PATH, SUBPROTOCOL } from '../../../server/wire/limits.ts';
import {
  coordinatorStatement,
  jobContext,
  proofStatement,
  verdictStatement,
  type CoordinatorIdentity,
} from '../../../server/wire/statements.ts';
import { nodePlatform } from '../../../wasm/runtime/node.ts';
import { createVerifier, type WorkerVerifier } from '../../../wasm/runtime/prover.ts';
import type { Verdict } from '../../../wasm/verify.ts';
import { answerHttp } from './http.ts';
import { MinerPeer } from './miner-peer.ts';
import { hex, serve, type Piece, type Served, type ServedModel } from './served.ts';

/** A request and its jobs, by slice. */
export interface TestRequest {
  readonly id: string;
  readonly served: Served;
  readonly plan: number;
  readonly inputs: readonly Uint8Array[];
  readonly outputs: readonly (Uint8Array | Int32Array)[];
  inference: Inference;
  readonly events: InferenceEvent[];
  /** Called after each new event. */
  readonly listeners: Set<() => void>;
  readonly jobs: TestJob[];
  bundle: Bundle | null;
}

export interface TestJob {
  readonly id: string;
  readonly request: TestRequest;
  readonly slice: number;
  readonly piece: Piece;
  readonly inputs: readonly Uint8Array[];
  readonly outputs: readonly (Uint8Array | Int32Array)[];
  readonly crossing: Uint8Array | null;
  readonly kind: 'client' | 'benchmark';
  miner: MinerPeer | null;
  /** Of the miner to which it was given. */
  session: string | null;
  attempts: number;
  sent: number;
  proven: BundleSlice | null;
}

/** What tests may change. */
export interface Faults {
  /** Changes the bundle of a request before it is handed out. */
  bundle: (bundle: Bundle) => Bundle;
  /** Changes a challenge. */
  challenge: (frame: Frame<'challenge'>) => Frame<'challenge'>;
  /** Whether a session that holds is turned away. */
  unauthorized: boolean;
  /** Changes a job frame. */
  job: (frame: Frame<'job'>) => Frame<'job'>;
  /** Answers an HTTP request itself: status, or null to let it be. */
  http: (method: string, path: string) => number | null;
  /** Ends event streams after so many events. */
  eventsPerStream: number;
}

export const NO_FAULTS: Readonly<Faults> = {
  bundle: (bundle) => bundle,
  challenge: (frame) => frame,
  unauthorized: false,
  job: (frame) => frame,
  http: () => null,
  eventsPerStream: Infinity,
};

export interface TestCoordinator {
  readonly url: string;
  readonly identity: CoordinatorIdentity;
  readonly address: string;
  readonly faults: Faults;
  readonly models: readonly Served[];
  readonly requests: ReadonlyMap<string, TestRequest>;
  readonly blobs: Map<string, Uint8Array>;
  /** Miners that have been welcomed and are connected. */
  readonly miners: ReadonlySet<MinerPeer>;
  /** Certificates that it knows, by session key. */
  readonly sessions: Map<string, number>;
  /** The next miner that is welcomed. */
  nextMiner(): Promise<MinerPeer>;
  /** Orders proofs; the inference as it is at first. Throws `RangeError` for what is not there. */
  infer(
    model: string,
    inputs: readonly Uint8Array[],
    options?: { slices?: number | undefined; kind?: 'client' | 'benchmark' },
  ): TestRequest;
  /** The request once it is over. */
  over(request: TestRequest): Promise<TestRequest>;
  /** Cuts all connections; with `refuse` new ones are refused until it is called without. */
  cut(options?: { refuse?: boolean }): void;
  close(): Promise<void>;
}

const base64 = (values: Uint8Array | Int32Array): string =>
  Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64');

/** `lease`: ms after which the jobs of a miner whose connection is lost go to another. */
export async function startTestCoordinator(models: readonly ServedModel[], { lease = LEASE } = {}): Promise<TestCoordinator> {
  const hotkey = hotkeyFromSeed(randomBytes(32));
  const key = sessionKeyFromSecret(randomBytes(32));
  const blobs = new Map<string, Uint8Array>();
  const requests = new Map<string, TestRequest>();
  const miners = new Set<MinerPeer>();
  const jobs = new Map<string, TestJob>();
  const sessions = new Map<string, number>();
  const verifiers = new Map<string, Promise<WorkerVerifier>>();
  const arrivals: ((peer: MinerPeer) => void)[] = [];
  let refuse = false;
  const faults: Faults = { ...NO_FAULTS };

  const served = models.map((model) =>
    serve(model, (bytes) => {
      const hash = blake3(bytes);
      blobs.set(hex(hash), bytes);
      return hash;
    }),
  );

  function jobInfo({ slice: k, miner, attempts, sent, proven }: TestJob): JobInfo {
    return {
      slice: k,
      state: proven ? 'proven' : miner ? 'proving' : 'waiting',
      attempts,
      miners: miner ? [addressOf(miner.hotkey)] : [],
      phase: null,
      elapsed_ms: sent > 0 ? Date.now() - sent : 0,
      proof_bytes: proven?.proof.length ?? null,
    };
  }

  function tell(request: TestRequest, event: InferenceEvent): void {
    request.events.push(event);
    for (const listener of request.listeners) listener();
  }

  function infer(
    name: string,
    inputs: readonly Uint8Array[],
    { slices, kind = 'client' }: { slices?: number | undefined; kind?: 'client' | 'benchmark' } = {},
  ): TestRequest {
    const model = served.find(({ info }) => info.name === name || info.digest === name);
    if (!model) throw new RangeError(`no model ${name}`);
    const plan = slices === undefined ? 0 : model.plans.findIndex((cuts) => cuts.length === slices - 1);
    if (plan < 0) throw new RangeError(`no plan with ${slices!} slices`);
    const { tensors, outputs } = execute(model.circuit, model.weights, inputs);
    const id = uuidv7();
    const created = Date.now();
    const request: TestRequest = {
      id,
      served: model,
      plan,
      inputs,
      outputs,
      inference: {
        id,
        model: model.info.digest,
        cuts: [...model.plans[plan]!],
        state: 'proving',
        created,
        deadline: created + 60_000,
        finished: null,
        outputs: outputs.map(base64),
        jobs: [],
        error: null,
      },
      events: [],
      listeners: new Set(),
      jobs: [],
      bundle: null,
    };
    const cuts = model.plans[plan]!;
    for (const [k, piece] of model.pieces[plan]!.entries()) {
      const job: TestJob = {
        id: uuidv7(),
        request,
        slice: k,
        piece,
        inputs: piece.sliced.inputs.map((tensor) => tensors[tensor] as Uint8Array),
        outputs: piece.sliced.outputs.map((tensor) => tensors[tensor]!),
        crossing: k < cuts.length ? (tensors[cuts[k]!] as Uint8Array) : null,
        kind,
        miner: null,
        session: null,
        attempts: 0,
        sent: 0,
        proven: null,
      };
      request.jobs.push(job);
      jobs.set(job.id, job);
    }
    request.inference.jobs.push(...request.jobs.map(jobInfo));
    requests.set(id, request);
    tell(request, { type: 'snapshot', inference: request.inference });
    dispatch();
    return request;
  }

  /** Gives waiting jobs to miners that have room. */
  function dispatch(): void {
    for (const job of jobs.values()) {
      if (job.miner || job.proven) continue;
      const peer = [...miners].filter((miner) => miner.held.size < miner.capacity).sort((a, b) => a.held.size - b.held.size)[0];
      if (!peer) return;
      job.miner = peer;
      job.session = hex(peer.certificate.session);
      job.attempts += 1;
      job.sent = Date.now();
      peer.held.add(job.id);
      peer.send(
        faults.job({
          type: 'job',
          job: job.id,
          request: job.request.id,
          kind: job.kind,
          slice: job.slice,
          slices: job.request.jobs.length,
          attempt: job.attempts,
          circuit: job.piece.digest,
          circuitBlob: job.piece.circuitBlob,
          weightsBlob: job.piece.weightsBlob,
          inputs: { kind: 'inline', values: [...job.inputs] },
          within: 60_000,
        }),
      );
      tell(job.request, { type: 'job', job: jobInfo(job) });
    }
  }

  function verifierOf({ digest, sliced, weights }: Piece): Promise<WorkerVerifier> {
    const name = hex(digest);
    let verifier = verifiers.get(name);
    if (!verifier) {
      verifier = createVerifier(nodePlatform, sliced.circuit, weights, { threads: 1 }).then((made) => {
        if (!made.ok) throw new Error(made.detail);
        return made;
      });
      verifiers.set(name, verifier);
    }
    return verifier;
  }

  async function judge(peer: MinerPeer, frame: Frame<'proof'>): Promise<void> {
    const job = jobs.get(frame.job);
    peer.held.delete(frame.job);
    if (!job || job.proven || job.session !== hex(peer.certificate.session)) return;
    const { proof } = frame;
    const proofHash = blake3(proof);
    const identity = { request: job.request.id, slice: job.slice, slices: job.request.jobs.length, hotkey: peer.hotkey };
    const serviceMs = Date.now() - job.sent;
    const start = performance.now();
    const signed = sessionKeySigned(peer.certificate.session, proofStatement(job.id, proofHash), frame.signature);
    const statement = { inputs: job.inputs, outputs: job.outputs, context: jobContext(identity) };
    const verdict: Verdict = signed
      ? await (await verifierOf(job.piece)).verify(statement, proof)
      : { ok: false, check: 'signature', detail: 'not by the session key' };
    const said = { ...identity, job: job.id, proofHash, ok: verdict.ok, serviceMs, proofBytes: proof.length };
    const signature = key.sign(verdictStatement(said));
    peer.send({
      type: 'verdict',
      job: job.id,
      ok: verdict.ok,
      check: verdict.ok ? '' : verdict.check,
      detail: verdict.ok ? '' : verdict.detail,
      serviceMs,
      verifyMs: performance.now() - start,
      proofBytes: proof.length,
      proofHash,
      signature,
    });
    if (!verdict.ok) {
      again(job);
      return;
    }
    const { crossing } = job;
    job.proven = {
      crossing,
      proof,
      job: job.id,
      certificate: peer.certificate,
      proofSignature: frame.signature,
      serviceMs,
      verdictSignature: signature,
    };
    tell(job.request, { type: 'job', job: jobInfo(job) });
    if (job.request.jobs.every(({ proven }) => proven)) finish(job.request);
    dispatch();
  }

  function again(job: TestJob): void {
    job.miner?.held.delete(job.id);
    job.miner = null;
    job.session = null;
    if (job.attempts >= 5) fail(job.request, 'no-proof', `slice ${job.slice} was tried ${job.attempts} times`);
    else dispatch();
  }

  function fail(request: TestRequest, code: string, message: string): void {
    for (const job of request.jobs) jobs.delete(job.id);
    request.inference = { ...request.inference, state: 'failed', finished: Date.now(), error: { code, message } };
    tell(request, { type: 'over', inference: request.inference });
  }

  function finish(request: TestRequest): void {
    request.bundle = {
      model: Buffer.from(request.served.info.digest, 'hex'),
      request: request.id,
      created: Date.now(),
      coordinator: identity,
      cuts: request.inference.cuts,
      inputs: request.inputs,
      outputs: request.outputs,
      slices: request.jobs.map(({ proven }) => proven!),
      artefacts: null,
    };
    request.inference = { ...request.inference, state: 'proven', finished: Date.now(), jobs: request.jobs.map(jobInfo) };
    tell(request, { type: 'over', inference: request.inference });
  }

  const server: Server = createServer((incoming, response) => answerHttp(coordinator, incoming, response));
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_FRAME_BYTES, perMessageDeflate: false });
  server.on('upgrade', (incoming, socket, head) => {
    if (refuse || incoming.url !== MINER_PATH || incoming.headers['sec-websocket-protocol'] !== SUBPROTOCOL) {
      socket.destroy();
      return;
    }
    sockets.handleUpgrade(incoming, socket, head, (webSocket) => {
      const peer = new MinerPeer(webSocket, { origin: coordinator.url, coordinator: coordinator.address, sessions, faults });
      peer.onWelcome = () => {
        const session = hex(peer.certificate.session);
        const open = [...jobs.values()].filter((job) => job.session === session && !job.proven);
        for (const job of open) {
          job.miner = peer;
          peer.held.add(job.id);
        }
        miners.add(peer);
        peer.send({ type: 'welcome', time: Date.now(), open: open.map(({ id }) => id) });
        for (const arrived of arrivals.splice(0)) arrived(peer);
        dispatch();
      };
      peer.onFrame = (frame) => {
        if (frame.type === 'proof') void judge(peer, frame);
        if (frame.type === 'decline') {
          const job = jobs.get(frame.job);
          if (job?.miner === peer) again(job);
        }
      };
      peer.onClose = (saidBye) => {
        miners.delete(peer);
        // Who said goodbye does not come back; others may deliver what they have.
        const giveOn = (): void => {
          for (const job of jobs.values()) if (job.miner === peer && !job.proven) again(job);
        };
        if (saidBye) giveOn();
        else setTimeout(giveOn, lease).unref();
      };
      peer.challenge();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const identity: CoordinatorIdentity = {
    origin: url,
    hotkey: hotkey.publicKey,
    key: key.publicKey,
    signature: hotkey.sign(coordinatorStatement(key.publicKey)),
  };

  const coordinator: TestCoordinator = {
    url,
    identity,
    address: hotkey.address,
    faults,
    models: served,
    requests,
    blobs,
    miners,
    sessions,
    nextMiner: () => new Promise((resolve) => arrivals.push(resolve)),
    infer,
    over: (request) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (request.inference.state !== 'proving') {
            request.listeners.delete(check);
            resolve(request);
          }
        };
        request.listeners.add(check);
        check();
      }),
    cut(options = {}) {
      refuse = options.refuse === true;
      for (const client of sockets.clients) client.terminate();
    },
    async close() {
      refuse = true;
      for (const client of sockets.clients) client.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      for (const verifier of verifiers.values()) await (await verifier).dispose();
    },
  };
  return coordinator;
}
