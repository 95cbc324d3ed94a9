/**
 * The miners' sockets: who may connect, what a connection may send, and when it is over. What frames mean for jobs is `Desk`'s.
 */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { uuidv7 } from 'uuidv7';
import { WebSocketServer, type RawData, type WebSocket } from 'ws';
import { bytesToHex } from '@noble/hashes/utils.js';
import type { Store } from '../store/store.ts';
import { decodeMinerFrame, encodeFrame, FrameError, type Frame, type MinerFrame } from '../wire/frames.ts';
import { CLOSE, MAX_FRAME_BYTES, MINER_PATH, PROTOCOL, SESSION_LIFETIME, SUBPROTOCOL } from '../wire/limits.ts';
import type { Clock } from './clock.ts';
import { Connection } from './connection.ts';
import { openSession } from './handshake.ts';
import type { CoordinatorKeys } from './identity.ts';
import type { Log, Observer } from './observer.ts';
import { Rate } from './rate.ts';
import type { Settings } from './settings.ts';

/** What becomes of frames, of connections that open, and of those that end. */
export interface Desk {
  opened(connection: Connection): Promise<void>;
  frame(connection: Connection, frame: Exclude<MinerFrame, Frame<'hello'>>, time: number): Promise<void>;
  ended(connection: Connection): Promise<void>;
}

export interface GatewayOptions {
  readonly store: Store;
  readonly keys: CoordinatorKeys;
  readonly clock: Clock;
  readonly settings: Settings;
  readonly log: Log;
  readonly observer: Observer;
  readonly desk: Desk;
  /** Jobs that wait, for `stats` frames. */
  readonly queue: () => number;
  /** Whom limits are counted against; default: the address of the socket. */
  readonly addressOf?: ((request: IncomingMessage) => string) | undefined;
}

/** What is known of a socket, from its first moment. */
interface Line {
  readonly socket: WebSocket;
  readonly address: string;
  readonly challenge: Frame<'challenge'>;
  readonly id: string;
  readonly frames: Rate;
  heard: number;
  /** `hello`: it is being checked. */
  stage: 'new' | 'hello' | 'open' | 'over';
  connection: Connection | null;
}

export function minerGateway(options: GatewayOptions) {
  const { store, keys, clock, settings, log, observer, desk, queue } = options;
  const addressOf = options.addressOf ?? ((request: IncomingMessage) => request.socket.remoteAddress ?? '');
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_FRAME_BYTES,
    perMessageDeflate: false,
    clientTracking: false,
    handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
  });
  const lines = new Set<Line>();
  const bySession = new Map<string, Connection>();
  const perAddress = new Map<string, number>();
  const perHotkey = new Map<string, number>();
  /** Of hotkeys that were connected, so that one that comes back is known. */
  const speeds = new Map<string, number>();
  /** Frames that are being handled. */
  const handled = new Set<Promise<void>>();
  let draining = false;
  let cancelTick: () => void = () => undefined;

  function attach(server: Server): void {
    server.on('upgrade', upgrade);
  }

  function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    const { pathname } = new URL(request.url ?? '/', 'http://coordinator');
    if (pathname !== MINER_PATH) {
      turnAway(socket, 404, 'Not Found', `miners connect at ${MINER_PATH}`);
      return;
    }
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
    if (!offered.includes(SUBPROTOCOL)) {
      turnAway(socket, 400, 'Bad Request', `expected the subprotocol ${SUBPROTOCOL}`);
      return;
    }
    if (draining) {
      turnAway(socket, 503, 'Service Unavailable', 'this coordinator is going down', 5);
      return;
    }
    const address = addressOf(request);
    if (lines.size >= settings.maxMiners || (perAddress.get(address) ?? 0) >= settings.maxMinersPerAddress) {
      turnAway(socket, 429, 'Too Many Requests', 'as many miners are connected as may be', 30);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (open) => open_(open, address));
  }

  function open_(socket: WebSocket, address: string): void {
    const now = clock.now();
    const line: Line = {
      socket,
      address,
      id: uuidv7(),
      frames: new Rate(settings.frameRate, now),
      heard: now,
      stage: 'new',
      connection: null,
      challenge: {
        type: 'challenge',
        protocol: PROTOCOL,
        nonce: new Uint8Array(randomBytes(32)),
        origin: keys.identity.origin,
        coordinator: keys.address,
        expires: now + SESSION_LIFETIME,
      },
    };
    lines.add(line);
    perAddress.set(address, (perAddress.get(address) ?? 0) + 1);
    const cancelHello = clock.after(settings.helloWithin, () => {
      if (line.stage === 'new') dismiss(line, CLOSE.timeout, 'hello', `no hello within ${settings.helloWithin} ms`);
    });
    socket.on('message', (data, binary) => receive(line, data, binary));
    socket.on('pong', () => {
      line.heard = clock.now();
    });
    socket.on('ping', () => {
      count(line);
    });
    socket.on('error', (error) => log.debug({ err: error, address }, 'a miner broke the rules of its socket'));
    socket.on('close', (code) => {
      cancelHello();
      over(line, code);
    });
    socket.send(encodeFrame(line.challenge));
  }

  /** Counts something that a miner sent; false where it was too much, and the connection is closed. */
  function count(line: Line): boolean {
    const now = clock.now();
    line.heard = now;
    if (line.stage === 'over') return false;
    if (line.frames.take(now)) return true;
    dismiss(line, CLOSE.tooMany, 'frame-rate', `more than ${settings.frameRate} frames per second`, 10_000);
    return false;
  }

  function receive(line: Line, data: RawData, binary: boolean): void {
    const time = clock.now();
    if (!count(line)) return;
    let frame: MinerFrame;
    try {
      if (!binary) throw new FrameError('frames are binary messages of msgpack, this one is text');
      frame = decodeMinerFrame(new Uint8Array(data as Buffer));
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      dismiss(line, CLOSE.malformed, 'malformed', error.message);
      return;
    }
    if (frame.type === 'hello') {
      if (line.stage !== 'new') {
        dismiss(line, CLOSE.malformed, 'second-hello', 'a connection has one hello');
        return;
      }
      line.stage = 'hello';
      greet(line, frame).catch((error: unknown) => {
        log.error({ err: error }, 'a hello could not be checked');
        dismiss(line, 1011, 'internal', 'the coordinator could not check this hello; try again', 1000);
      });
      return;
    }
    const { connection } = line;
    if (connection === null) {
      dismiss(line, CLOSE.malformed, 'no-hello', `a ${frame.type} frame before the welcome`);
      return;
    }
    const handling = desk.frame(connection, frame, time).catch((error: unknown) => {
      // Nothing is lost: the job's lease ends, or the miner comes back and sends its proof again.
      log.error({ err: error, hotkey: connection.hotkey, type: frame.type }, 'a frame could not be handled');
      dismiss(line, 1011, 'internal', `the coordinator could not handle this ${frame.type} frame; connect again and repeat it`, 1000);
    });
    underWay(handling);
  }

  function underWay(handling: Promise<void>): void {
    handled.add(handling);
    void handling.then(() => handled.delete(handling));
  }

  async function greet(line: Line, hello: Frame<'hello'>): Promise<void> {
    const { socket, challenge, id, address } = line;
    const admitted = await openSession({ store, keys, challenge, hello, connection: id, now: clock.now() });
    if (line.stage !== 'hello') return;
    if ('close' in admitted) {
      dismiss(line, admitted.close, admitted.code, admitted.message, admitted.retryAfter);
      return;
    }
    const { session, hotkey, jobs, untold } = admitted;
    if ((perHotkey.get(hotkey) ?? 0) >= settings.maxMinersPerHotkey && !bySession.has(session)) {
      dismiss(line, CLOSE.tooMany, 'hotkey-connections', `${hotkey} has ${settings.maxMinersPerHotkey} connections already`, 30_000);
      return;
    }
    replace(session, id);
    const connection = new Connection({
      socket,
      id,
      address,
      session,
      hotkey,
      hello,
      holds: hello.holds.map((value) => bytesToHex(value)),
      speed: speeds.get(hotkey) ?? 0,
      jobs,
    });
    line.connection = connection;
    line.stage = 'open';
    bySession.set(session, connection);
    perHotkey.set(hotkey, (perHotkey.get(hotkey) ?? 0) + 1);
    connection.send({ type: 'welcome', time: clock.now(), open: [...jobs.map(({ job }) => job), ...untold] });
    connection.send(stats());
    log.info({ hotkey, agent: hello.agent, threads: hello.threads }, 'a miner connected');
    await desk.opened(connection);
  }

  /** Ends another connection of a session that has a newer one. */
  function replace(session: string, newer: string): void {
    const old = bySession.get(session);
    if (old === undefined || old.id === newer) return;
    bySession.delete(session);
    old.close(CLOSE.replaced, 'replaced', 'another connection of this session took over');
  }

  /** Says why, and closes. */
  function dismiss(line: Line, close: number, code: string, message: string, retryAfter: number | null = null): void {
    if (line.stage === 'over') return;
    line.stage = 'over';
    const { socket, connection } = line;
    if (connection !== null) {
      connection.close(close, code, message, retryAfter);
      return;
    }
    if (socket.readyState === socket.OPEN) socket.send(encodeFrame({ type: 'bye', code, message: message.slice(0, 1024), retryAfter }));
    socket.close(close, code);
  }

  function over(line: Line, code: number): void {
    line.stage = 'over';
    lines.delete(line);
    decrease(perAddress, line.address);
    observer.disconnected(code);
    const { connection } = line;
    if (connection === null) return;
    connection.leaving = true;
    decrease(perHotkey, connection.hotkey);
    remember(connection);
    if (bySession.get(connection.session) === connection) bySession.delete(connection.session);
    log.info({ hotkey: connection.hotkey, code }, 'a miner disconnected');
    underWay(
      desk
        .ended(connection)
        .catch((error: unknown) => log.error({ err: error }, 'the end of a connection was not written; its leases end by themselves')),
    );
  }

  function remember({ hotkey, speed }: Connection): void {
    if (speeds.size >= 10_000) speeds.clear();
    speeds.set(hotkey, speed);
  }

  /** How the network does, as far as it is known here. */
  const stats = (): Frame<'stats'> => ({ type: 'stats', time: clock.now(), miners: bySession.size, queue: queue() });

  /** Every 15 s: who does not answer is given up; the others are asked, and told how the network does. */
  function tick(): void {
    const now = clock.now();
    const news = stats();
    for (const line of [...lines]) {
      if (now - line.heard > settings.deadAfter) {
        dismiss(line, CLOSE.timeout, 'silent', `nothing was heard for ${settings.deadAfter} ms`);
        // Its own farewell would not come either.
        line.socket.terminate();
        continue;
      }
      const { connection } = line;
      if (connection === null) continue;
      connection.ping();
      connection.send(news);
    }
    cancelTick = clock.after(settings.pingEvery, tick);
  }

  return {
    attach,
    start: () => {
      cancelTick = clock.after(settings.pingEvery, tick);
    },
    replace,
    connections: (): Iterable<Connection> => bySession.values(),
    bySession: (session: string): Connection | null => bySession.get(session) ?? null,
    /** Ends all connections of a hotkey that rests. */
    pause(hotkey: string, until: number): void {
      for (const connection of [...bySession.values()])
        if (connection.hotkey === hotkey)
          connection.close(
            CLOSE.paused,
            'paused',
            `${hotkey} rests until ${new Date(until).toISOString()}: three of its proofs within a day were refused`,
            Math.max(0, until - clock.now()),
          );
    },
    /** Closes a connection for what its miner did. */
    dismiss: (connection: Connection, close: number, code: string, message: string): void => {
      const line = [...lines].find((candidate) => candidate.connection === connection);
      if (line !== undefined) dismiss(line, close, code, message);
    },
    /** Lets nobody in any more. */
    shut: () => {
      draining = true;
    },
    /** Says goodbye to all; resolves when they are gone. */
    async close(): Promise<void> {
      draining = true;
      cancelTick();
      const gone = [...lines].map(
        ({ socket }) =>
          new Promise<void>((resolve) => {
            socket.once('close', () => resolve());
            // A miner that does not answer the farewell within a second has heard enough.
            setTimeout(() => {
              socket.terminate();
              resolve();
            }, 1000).unref();
          }),
      );
      for (const line of [...lines]) dismiss(line, CLOSE.draining, 'draining', 'the coordinator is going down; come again', 1000);
      await Promise.all(gone);
      while (handled.size > 0) await Promise.all(handled);
    },
  };
}

export type MinerGateway = ReturnType<typeof minerGateway>;

function decrease(counts: Map<string, number>, key: string): void {
  const left = (counts.get(key) ?? 0) - 1;
  if (left > 0) counts.set(key, left);
  else counts.delete(key);
}

function turnAway(socket: Duplex, status: number, reason: string, message: string, retryAfter: number | null = null): void {
  const headers = [
    `HTTP/1.1 ${status} ${reason}`,
    'Connection: close',
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(message)}`,
    ...(retryAfter === null ? [] : [`Retry-After: ${retryAfter}`]),
  ];
  socket.end(`${headers.join('\r\n')}\r\n\r\n${message}`);
}
