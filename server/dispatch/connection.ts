/** A miner's connection, once its session is open: what it works on, and how fast it is. */
import type { WebSocket } from 'ws';
import { encodeFrame, type CoordinatorFrame, type Frame } from '../wire/frames.ts';
import type { OpenAttempt } from './handshake.ts';
import type { FreeMiner } from './matching.ts';

/** Bytes that may wait to be sent: whoever reads more slowly is cut off. */
const MAX_BUFFERED = 8 * 2 ** 20;
/** Weight of the newest proof in the speed. */
const NEWEST = 0.2;
/** How long a circuit is not offered after its files were not to be had, ms. */
const ARTEFACT_REST = 30_000;

export interface ConnectionOptions {
  readonly socket: WebSocket;
  /** UUID. */
  readonly id: string;
  readonly address: string;
  readonly session: string;
  readonly hotkey: string;
  readonly hello: Frame<'hello'>;
  readonly holds: Iterable<string>;
  readonly speed: number;
  readonly jobs: readonly OpenAttempt[];
}

export class Connection implements FreeMiner {
  readonly id: string;
  readonly address: string;
  readonly session: string;
  readonly hotkey: string;
  readonly capacity: number;
  readonly jobs = new Map<string, OpenAttempt>();
  speed: number;
  /** When its last proof came. */
  lastProof = 0;
  /** It takes no jobs before this time: it said that it is busy. */
  busyUntil = 0;
  /** It said goodbye, or is told to go. */
  leaving = false;
  private readonly socket: WebSocket;
  private restsUntil = 0;
  private readonly held: Set<string>;
  private readonly unable = new Map<string, number>();

  constructor({ socket, id, address, session, hotkey, hello, holds, speed, jobs }: ConnectionOptions) {
    this.socket = socket;
    this.id = id;
    this.address = address;
    this.session = session;
    this.hotkey = hotkey;
    this.capacity = hello.capacity;
    this.speed = speed;
    this.held = new Set(holds);
    for (const job of jobs) this.jobs.set(job.job, job);
  }

  get open(): number {
    return this.jobs.size;
  }

  holds(circuit: string): boolean {
    return this.held.has(circuit);
  }

  cannot(circuit: string, now: number): boolean {
    return (this.unable.get(circuit) ?? 0) > now;
  }

  mayBenchmark(now: number): boolean {
    return this.restsUntil <= now;
  }

  /** A benchmark took some of its time: it rests so long that this was `share` of it. */
  benchmarked(serviceMs: number, share: number, now: number): void {
    this.restsUntil = now + serviceMs * (1 / share - 1);
  }

  /** It proved a circuit: it holds it, and is so fast. */
  proved(circuit: string, work: number, serviceMs: number): void {
    this.held.add(circuit);
    const speed = work / Math.max(1, serviceMs);
    this.speed = this.speed === 0 ? speed : (1 - NEWEST) * this.speed + NEWEST * speed;
  }

  /** It declined a circuit: for good where it has too little memory. */
  declined(circuit: string, reason: 'artefact' | 'memory', now: number): void {
    this.held.delete(circuit);
    this.unable.set(circuit, reason === 'memory' ? Infinity : now + ARTEFACT_REST);
  }

  isFree(now: number): boolean {
    return !this.leaving && this.busyUntil <= now && this.jobs.size < this.capacity && this.socket.readyState === this.socket.OPEN;
  }

  /** Whether the frame was written. */
  send(frame: CoordinatorFrame): boolean {
    if (this.socket.readyState !== this.socket.OPEN) return false;
    if (this.socket.bufferedAmount > MAX_BUFFERED) {
      this.socket.terminate();
      return false;
    }
    this.socket.send(encodeFrame(frame));
    return true;
  }

  ping(): void {
    if (this.socket.readyState === this.socket.OPEN) this.socket.ping();
  }

  /** Says why, and closes with a code of `CLOSE`. */
  close(close: number, code: string, message: string, retryAfter: number | null = null): void {
    this.leaving = true;
    this.send({ type: 'bye', code, message: message.slice(0, 1024), retryAfter });
    this.socket.close(close, code);
  }

  /** For those that do not answer: no farewell. */
  terminate(): void {
    this.leaving = true;
    this.socket.terminate();
  }
}
