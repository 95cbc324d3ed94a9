/**
 * The connection to a coordinator: challenge, certificate, hello, welcome; then frames in both directions until it is lost; then again, later and later.
 */
import {
  decodeCoordinatorFrame,
  encodeFrame,
  FrameError,
  type CoordinatorFrame,
  type Frame,
  type MinerFrame,
} from '../../server/wire/frames.ts';
import { CLOSE, DEAD_AFTER, MINER_PATH, PROTOCOL, SUBPROTOCOL } from '../../server/wire/limits.ts';
import { addressAt } from '../client/blobs.ts';
import { backoff, type Clock } from '../client/clock.ts';
import type { OpenSocket, Socket } from './platform.ts';
import { possession, type Session, type Sessions } from './session.ts';

/** A connection that lasted so long was a good one: the next delay is the first one again. */
const STEADY = 5_000;
/** A coordinator that said goodbye closes the connection within so many milliseconds. */
const FAREWELL = 2_000;
/** How long a paused hotkey waits where nobody says for how long. */
const PAUSE = 3_600_000;

export type ConnectionStatus =
  /** `reason`: why it gave up; null where it was told to stop. */
  | { readonly kind: 'stopped'; readonly reason: string | null }
  | { readonly kind: 'connecting' }
  /** The owner of the hotkey is asked for a signature. */
  | { readonly kind: 'signing' }
  | { readonly kind: 'connected'; readonly since: number; readonly origin: string; readonly coordinator: string }
  /** `paused`: the coordinator lets the hotkey rest after refused proofs. */
  | { readonly kind: 'waiting'; readonly until: number; readonly paused: boolean; readonly reason: string };

/** Frames that come after the welcome. */
export type WorkFrame = Exclude<CoordinatorFrame, { type: 'challenge' | 'welcome' | 'bye' }>;

export interface ConnectionEvents {
  status(status: ConnectionStatus): void;
  welcome(session: Session, welcome: Frame<'welcome'>): void;
  frame(frame: WorkFrame): void;
}

export interface ConnectionOptions {
  /** The coordinator's address, `https://host:port`. */
  readonly coordinator: string;
  readonly openSocket: OpenSocket;
  readonly clock: Clock;
  readonly random: (bytes: number) => Uint8Array;
  readonly sessions: Sessions;
  /** Whether the hotkey's owner is asked for signatures. */
  readonly asks: boolean;
  /** What a hello says of the miner. */
  readonly hello: () => Promise<Pick<Frame<'hello'>, 'payee' | 'agent' | 'threads' | 'capacity' | 'holds'>>;
  readonly events: ConnectionEvents;
}

export interface Connection {
  /** False where there is no connection, or none that has been welcomed yet: then nothing was sent. */
  send(frame: MinerFrame): boolean;
  /** Says goodbye and ends. */
  stop(): void;
}

/** The address of the socket. Throws `TypeError` where the coordinator's is none. */
export function socketAddress(coordinator: string): string {
  const url = new URL(addressAt(coordinator, MINER_PATH));
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new TypeError(`a coordinator's address begins with http:// or https://, not ${url.protocol}`);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}

/** One attempt: a socket, and how far it came. */
interface Attempt {
  readonly socket: Socket;
  stage: 'challenge' | 'hello' | 'welcome' | 'open';
  challenge: Frame<'challenge'> | null;
  session: Session | null;
  bye: Frame<'bye'> | null;
  /** Why we closed it. */
  fault: string | null;
  heard: number;
  opened: number;
  stopWatch: () => void;
}

/** Connects, and stays connected until it is stopped. Throws `TypeError` for an address that is none. */
export function connect(options: ConnectionOptions): Connection {
  const { coordinator, openSocket, clock, random, sessions, asks, hello, events } = options;
  const url = socketAddress(coordinator);
  let attempt: Attempt | null = null;
  let failures = 0;
  let stopped = false;
  let cancelRetry = (): void => undefined;

  function open(): void {
    events.status({ kind: 'connecting' });
    const own: Attempt = {
      socket: openSocket(url, SUBPROTOCOL, {
        message: (bytes) => {
          if (attempt === own) receive(own, bytes);
        },
        close: (code, reason) => {
          if (attempt === own) lost(own, code, reason);
        },
      }),
      stage: 'challenge',
      challenge: null,
      session: null,
      bye: null,
      fault: null,
      heard: clock.now(),
      opened: 0,
      stopWatch: () => undefined,
    };
    attempt = own;
    watch(own);
  }

  /** Gives the connection up when nothing was heard for too long. A socket whose other end is gone may take minutes to notice. */
  function watch(own: Attempt): void {
    const left = own.heard + DEAD_AFTER - clock.now();
    own.stopWatch = clock.after(Math.max(left, 0), () => {
      if (attempt !== own) return;
      if (clock.now() - own.heard < DEAD_AFTER) {
        watch(own);
        return;
      }
      own.fault = `nothing was heard for ${DEAD_AFTER / 1000} s`;
      own.socket.close(CLOSE.timeout, own.fault);
      lost(own, 1006, '');
    });
  }

  function receive(own: Attempt, bytes: Uint8Array | null): void {
    own.heard = clock.now();
    let frame: CoordinatorFrame;
    try {
      if (bytes === null) throw new FrameError('expected a binary message, got text');
      frame = decodeCoordinatorFrame(bytes);
      handle(own, frame);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      own.fault = error.message;
      own.socket.close(CLOSE.malformed, error.message.slice(0, 100));
    }
  }

  function handle(own: Attempt, frame: CoordinatorFrame): void {
    switch (frame.type) {
      case 'bye':
        own.bye = frame;
        // Its close, whose code says more, follows; unless it forgets to.
        clock.after(FAREWELL, () => own.socket.close(1000));
        return;
      case 'challenge':
        if (own.stage !== 'challenge') throw new FrameError('a second challenge');
        own.stage = 'hello';
        own.challenge = frame;
        if (frame.protocol === PROTOCOL) void answer(own, frame);
        else giveUp(`the coordinator speaks version ${frame.protocol} of the frames, this miner ${PROTOCOL}`, CLOSE.version);
        return;
      case 'welcome':
        if (own.stage !== 'welcome') throw new FrameError('a welcome to nobody');
        own.stage = 'open';
        own.opened = clock.now();
        events.status({ kind: 'connected', since: own.opened, origin: own.challenge!.origin, coordinator: own.challenge!.coordinator });
        events.welcome(own.session!, frame);
        return;
      default:
        if (own.stage !== 'open') throw new FrameError(`a ${frame.type} before the welcome`);
        events.frame(frame);
    }
  }

  async function answer(own: Attempt, challenge: Frame<'challenge'>): Promise<void> {
    let session: Session;
    let about;
    try {
      about = await hello();
      if (asks) events.status({ kind: 'signing' });
      session = await sessions.answer(challenge);
    } catch (error) {
      if (attempt === own) giveUp(`no session: ${(error as Error).message}`);
      return;
    }
    if (attempt !== own) return;
    own.session = session;
    own.stage = 'welcome';
    own.socket.send(
      encodeFrame({
        type: 'hello',
        protocol: PROTOCOL,
        certificate: session.certificate,
        possession: possession(session, challenge),
        ...about,
      }),
    );
  }

  function end(own: Attempt): void {
    own.stopWatch();
    if (attempt === own) attempt = null;
  }

  function giveUp(reason: string | null, code = 1000): void {
    const own = attempt;
    stopped = true;
    cancelRetry();
    if (own) {
      end(own);
      own.socket.close(code);
    }
    events.status({ kind: 'stopped', reason });
  }

  function lost(own: Attempt, code: number, text: string): void {
    end(own);
    const { bye, stage, fault } = own;
    const said = bye?.message ?? (fault || text);
    if (own.opened > 0 && clock.now() - own.opened >= STEADY) failures = 0;
    if (code === CLOSE.version) {
      giveUp(said || 'the coordinator speaks another version of the frames');
      return;
    }
    if (code === CLOSE.unauthorized) {
      const isNew = own.session?.certificate.nonce.every((byte, n) => byte === own.challenge!.nonce[n]) ?? true;
      if (isNew) {
        giveUp(`the coordinator does not accept the session: ${said || 'it does not say why'}`);
        return;
      }
      void sessions.forget();
    }
    if (code === CLOSE.replaced) {
      if (asks) {
        giveUp('another connection took this session over');
        return;
      }
      void sessions.forget();
    }
    const reason = said || (stage === 'challenge' ? 'the coordinator cannot be reached' : 'the connection was lost');
    const paused = code === CLOSE.paused;
    const least = bye?.retryAfter ?? (paused ? PAUSE : 0);
    retry(least, paused, reason);
  }

  function retry(least: number, paused: boolean, reason: string): void {
    const delay = least + backoff(failures, random);
    failures += 1;
    events.status({ kind: 'waiting', until: clock.now() + delay, paused, reason });
    cancelRetry = clock.after(delay, () => {
      if (!stopped) open();
    });
  }

  open();
  return {
    send(frame) {
      if (attempt?.stage !== 'open') return false;
      attempt.socket.send(encodeFrame(frame));
      return true;
    },
    stop() {
      if (stopped) return;
      if (attempt?.stage === 'open')
        attempt.socket.send(encodeFrame({ type: 'bye', code: 'stopped', message: 'the miner was stopped', retryAfter: null }));
      giveUp(null);
    },
  };
}
