/**
 * A miner that keeps to the protocol as far as a test lets it: it signs, fetches blobs, proves with the kernels in this process. Everything it sends and receives can be looked at, and done otherwise.
 */
import { once } from 'node:events';
import { encode } from '@msgpack/msgpack';
import { WebSocket } from 'ws';
import { blake3 } from '@noble/hashes/blake3.js';
import { decodeCircuitFile } from '../../../circuits/graph/file.ts';
import { decodeWeightsFile } from '../../../circuits/graph/weights-file.ts';
import type { Coordinator } from '../../../server/coordinator.ts';
import { decodeCoordinatorFrame, encodeFrame, type CoordinatorFrame, type Frame, type MinerFrame } from '../../../server/wire/frames.ts';
import { hotkeyFromSeed, sessionKeyFromSecret, type Hotkey, type SessionKey } from '../../../server/wire/keys.ts';
import { MINER_PATH, PROTOCOL, SUBPROTOCOL } from '../../../server/wire/limits.ts';
import {
  certificateText,
  jobContext,
  possessionStatement,
  proofStatement,
  type SessionCertificate,
} from '../../../server/wire/statements.ts';
import { prepareProver, type LocalProver } from '../../../wasm/prove.ts';
import { loadKernels } from '../kernels.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Kernels and provers of this process, by circuit. */
const provers = new Map<string, Promise<LocalProver>>();
let kernels: ReturnType<typeof loadKernels> | null = null;

export type BlobSource = Pick<Coordinator, 'blob'>;

async function proverOf(job: Frame<'job'>, blobs: BlobSource): Promise<LocalProver> {
  const circuit = hex(job.circuit);
  let prover = provers.get(circuit);
  if (prover === undefined) {
    prover = (async () => {
      const read = async (hash: Uint8Array): Promise<Uint8Array> => {
        const blob = await blobs.blob(hex(hash));
        if (blob === null) throw new Error(`no blob ${hex(hash)}`);
        const bytes = await blob.read(0, blob.size);
        if (hex(blake3(bytes)) !== hex(hash)) throw new Error(`blob ${hex(hash)} is not what its name says`);
        return bytes;
      };
      const [circuitFile, weightsFile] = await Promise.all([read(job.circuitBlob), read(job.weightsBlob)]);
      kernels ??= loadKernels();
      return prepareProver(await kernels, decodeCircuitFile(circuitFile), decodeWeightsFile(weightsFile));
    })();
    provers.set(circuit, prover);
  }
  return prover;
}

export interface MinerOptions {
  readonly url: string;
  readonly blobs: BlobSource;
  /** 32 bytes each; the same ones are the same miner, and the same session. */
  readonly hotkey?: Hotkey;
  readonly session?: SessionKey;
  /** Of an earlier connection of the session. */
  readonly certificate?: SessionCertificate;
  readonly capacity?: number;
  readonly holds?: readonly Uint8Array[];
  /** What to do with a job; default: prove it. */
  readonly onJob?: (miner: TestMiner, job: Frame<'job'>) => void | Promise<void>;
  /** Changes the hello before it is sent. */
  readonly hello?: (hello: Frame<'hello'>) => Frame<'hello'>;
}

let seeds = 1;
const nextSeed = (): Uint8Array => {
  const seed = new Uint8Array(32).fill(7);
  new DataView(seed.buffer).setUint32(0, seeds++);
  return seed;
};

export const newHotkey = (): Hotkey => hotkeyFromSeed(nextSeed());
export const newSession = (): SessionKey => sessionKeyFromSecret(nextSeed());

export class TestMiner {
  readonly hotkey: Hotkey;
  readonly session: SessionKey;
  readonly received: CoordinatorFrame[] = [];
  certificate: SessionCertificate | null = null;
  /** The bytes of its hello. */
  lastHello: Uint8Array | null = null;
  /** How its socket ended. */
  closed: { code: number; reason: string } | null = null;
  readonly socket: WebSocket;
  private readonly options: MinerOptions;
  private readonly waiting = new Set<() => void>();

  constructor(options: MinerOptions) {
    this.options = options;
    this.hotkey = options.hotkey ?? newHotkey();
    this.session = options.session ?? newSession();
    this.socket = new WebSocket(options.url.replace('http', 'ws') + MINER_PATH, SUBPROTOCOL);
    this.socket.on('message', (data: Buffer) => this.receive(decodeCoordinatorFrame(new Uint8Array(data))));
    this.socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
      this.wake();
    });
    this.socket.on('error', () => undefined);
  }

  private wake(): void {
    for (const check of [...this.waiting]) check();
  }

  private receive(frame: CoordinatorFrame): void {
    this.received.push(frame);
    if (frame.type === 'challenge') this.greet(frame);
    if (frame.type === 'job') void (this.options.onJob ?? ((miner, job) => miner.work(job)))(this, frame);
    this.wake();
  }

  private greet(challenge: Frame<'challenge'>): void {
    this.certificate = this.options.certificate ?? this.certify(challenge);
    const hello: Frame<'hello'> = {
      type: 'hello',
      protocol: PROTOCOL,
      certificate: this.certificate,
      possession: this.session.sign(possessionStatement(challenge.nonce)),
      payee: null,
      agent: 'test miner',
      threads: 1,
      capacity: this.options.capacity ?? 2,
      holds: [...(this.options.holds ?? [])],
    };
    // Not as `send` does: what is sent here may be anything.
    this.lastHello = encode((this.options.hello ?? ((same) => same))(hello));
    this.socket.send(this.lastHello);
  }

  certify({ origin, coordinator, nonce, expires }: Frame<'challenge'>): SessionCertificate {
    const body = { origin, coordinator, hotkey: this.hotkey.publicKey, session: this.session.publicKey, nonce, expires };
    return { ...body, signature: this.hotkey.sign(new TextEncoder().encode(certificateText(body))) };
  }

  send(frame: MinerFrame): void {
    this.socket.send(encodeFrame(frame));
  }

  /** Accepts, proves and delivers. */
  async work(job: Frame<'job'>): Promise<void> {
    this.send({ type: 'accept', job: job.job });
    const proof = await this.prove(job);
    this.deliver(job.job, proof);
  }

  async prove(job: Frame<'job'>, context = this.contextOf(job)): Promise<Uint8Array> {
    const prover = await proverOf(job, this.options.blobs);
    const inputs =
      job.inputs.kind === 'inline'
        ? job.inputs.values
        : await Promise.all(
            job.inputs.hashes.map(async (hash) => {
              const blob = (await this.options.blobs.blob(hex(hash)))!;
              return blob.read(0, blob.size);
            }),
          );
    const { proof } = prover.prove(
      inputs.map((values) => new Uint8Array(values)),
      context,
      { onProgress: (phase) => this.socket.readyState === WebSocket.OPEN && this.send({ type: 'progress', job: job.job, phase }) },
    );
    return proof;
  }

  contextOf(job: Frame<'job'>): Uint8Array {
    return jobContext({ request: job.request, slice: job.slice, slices: job.slices, hotkey: this.hotkey.publicKey });
  }

  deliver(job: string, proof: Uint8Array): void {
    this.send(this.proofFrame(job, proof));
  }

  proofFrame(job: string, proof: Uint8Array): Frame<'proof'> {
    return { type: 'proof', job, proof, proveMs: 1, signature: this.session.sign(proofStatement(job, blake3(proof))) };
  }

  of<Type extends CoordinatorFrame['type']>(type: Type): Extract<CoordinatorFrame, { type: Type }>[] {
    return this.received.filter((frame): frame is Extract<CoordinatorFrame, { type: Type }> => frame.type === type);
  }

  /** The `count`-th frame of a type, when it has come. Rejects where the connection ends before, or nothing comes for 60 s. */
  async frame<Type extends CoordinatorFrame['type']>(type: Type, count = 1): Promise<Extract<CoordinatorFrame, { type: Type }>> {
    await this.until(() => this.of(type).length >= count, `${type} frame number ${count}`);
    return this.of(type)[count - 1]!;
  }

  async welcome(): Promise<this> {
    await this.frame('welcome');
    return this;
  }

  /** When the connection has ended: its close code, and the farewell. */
  async end(): Promise<{ code: number; bye: Frame<'bye'> | null }> {
    if (this.closed === null) await once(this.socket, 'close');
    return { code: this.closed!.code, bye: this.of('bye')[0] ?? null };
  }

  async until(holds: () => boolean, what: string): Promise<void> {
    if (holds()) return;
    await new Promise<void>((resolve, reject) => {
      const settle = (end: () => void): void => {
        clearTimeout(timer);
        this.waiting.delete(check);
        end();
      };
      const check = (): void => {
        if (holds()) settle(resolve);
        else if (this.closed !== null)
          settle(() => reject(new Error(`expected a ${what}; the connection ended with ${this.closed!.code} ${this.closed!.reason}`)));
      };
      const timer = setTimeout(() => settle(() => reject(new Error(`expected a ${what}; nothing came for 60 s`))), 60_000);
      this.waiting.add(check);
    });
  }

  /** Ends the connection as a crash does. */
  vanish(): void {
    this.socket.terminate();
  }
}
