/** A miner as the test coordinator sees it: one connection, from the challenge on. */
import { randomBytes } from 'node:crypto';
import type { WebSocket } from 'ws';
import {
  decodeMinerFrame,
  encodeFrame,
  FrameError,
  type CoordinatorFrame,
  type Frame,
  type MinerFrame,
} from '../../../server/wire/frames.ts';
import { sessionKeySigned } from '../../../server/wire/keys.ts';
import { CLOSE, PROTOCOL } from '../../../server/wire/limits.ts';
import { certificateHolds, possessionStatement, type SessionCertificate } from '../../../server/wire/statements.ts';
import type { Faults } from './coordinator.ts';
import { hex } from './served.ts';

export interface PeerOptions {
  readonly origin: string;
  readonly coordinator: string;
  /** Sessions that are known: when they expire, by session key. */
  readonly sessions: Map<string, number>;
  readonly faults: Pick<Faults, 'challenge' | 'unauthorized'>;
}

type Waiting = { readonly type: MinerFrame['type']; readonly resolve: (frame: never) => void };

export class MinerPeer {
  readonly frames: MinerFrame[] = [];
  /** Jobs that it was given and has not answered. */
  readonly held = new Set<string>();
  certificate!: SessionCertificate;
  hello!: Frame<'hello'>;
  /** Whether the certificate was of an earlier connection. */
  resumed = false;
  onWelcome: () => void = () => undefined;
  onFrame: (frame: MinerFrame) => void = () => undefined;
  onClose: (saidBye: boolean) => void = () => undefined;
  readonly closed: Promise<number>;
  readonly #socket: WebSocket;
  readonly #options: PeerOptions;
  readonly #nonce = randomBytes(32);
  #welcomed = false;
  #saidBye = false;
  #waiting: Waiting[] = [];

  constructor(socket: WebSocket, options: PeerOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.on('message', (data, isBinary) => this.#receive(isBinary ? new Uint8Array(data as Buffer) : null));
    this.closed = new Promise((resolve) =>
      socket.on('close', (code) => {
        if (this.#welcomed) this.onClose(this.#saidBye);
        resolve(code);
      }),
    );
  }

  get hotkey(): Uint8Array {
    return this.certificate.hotkey;
  }

  get capacity(): number {
    return this.hello.capacity;
  }

  challenge(): void {
    const { origin, coordinator, faults } = this.#options;
    const expires = Date.now() + 3_600_000;
    this.send(faults.challenge({ type: 'challenge', protocol: PROTOCOL, nonce: this.#nonce, origin, coordinator, expires }));
  }

  send(frame: CoordinatorFrame): void {
    this.#socket.send(encodeFrame(frame));
  }

  /** Bytes that need be no frame. */
  sendRaw(data: Uint8Array | string): void {
    this.#socket.send(data);
  }

  close(code: number, message: string, retryAfter: number | null = null): void {
    this.send({ type: 'bye', code: 'test', message, retryAfter });
    this.#socket.close(code, message);
  }

  /** Cuts the connection without a word. */
  terminate(): void {
    this.#socket.terminate();
  }

  /** The next frame of a type that it sends. */
  next<Type extends MinerFrame['type']>(type: Type): Promise<Frame<Type>> {
    return new Promise((resolve) => this.#waiting.push({ type, resolve }));
  }

  #receive(bytes: Uint8Array | null): void {
    let frame: MinerFrame;
    try {
      if (bytes === null) throw new FrameError('text');
      frame = decodeMinerFrame(bytes);
    } catch (error) {
      this.#socket.close(CLOSE.malformed, (error as Error).message.slice(0, 100));
      return;
    }
    this.frames.push(frame);
    if (frame.type === 'hello') this.#greet(frame);
    else if (!this.#welcomed) this.#socket.close(CLOSE.malformed, 'expected a hello');
    else if (frame.type === 'bye') this.#saidBye = true;
    else this.onFrame(frame);
    const heard = this.#waiting.filter(({ type }) => type === frame.type);
    this.#waiting = this.#waiting.filter(({ type }) => type !== frame.type);
    for (const { resolve } of heard) resolve(frame as never);
  }

  #greet(hello: Frame<'hello'>): void {
    const { certificate, possession } = hello;
    const { origin, coordinator, sessions, faults } = this.#options;
    const session = hex(certificate.session);
    const isNew = hex(certificate.nonce) === this.#nonce.toString('hex');
    const isKnown = (sessions.get(session) ?? 0) > Date.now();
    const isOurs = certificate.origin === origin && certificate.coordinator === coordinator;
    const holds =
      isOurs && certificateHolds(certificate) && sessionKeySigned(certificate.session, possessionStatement(this.#nonce), possession);
    if (!holds || !(isNew || isKnown) || faults.unauthorized) {
      this.close(CLOSE.unauthorized, isOurs ? 'the session is not known' : 'for another coordinator');
      return;
    }
    sessions.set(session, certificate.expires);
    this.certificate = certificate;
    this.hello = hello;
    this.resumed = !isNew;
    this.#welcomed = true;
    this.onWelcome();
  }
}
