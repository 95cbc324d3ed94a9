/**
 * A socket to PostgreSQL that does not close under its driver. The driver (postgres 3.4.9) does not survive that: what it writes within a transaction to a connection that has closed throws where nobody
 * can catch it, and a connection that closed while a write was pending never sends anything again. So, when the server is gone, this socket goes on as a server would that refuses everything: each query is
 * answered with an error of class 08, connection exceptions. Whoever owns the driver hears of it, takes a new one, and ends this one.
 */
import { connect as connectTcp, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';

export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  /** A unix socket, in place of host and port. */
  readonly path?: string;
  /** Null: no TLS. */
  readonly tls: ConnectionOptions | null;
}

const CONNECT_WITHIN = 10_000;
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

const letter = (name: string): number => name.charCodeAt(0);
const SYNC = letter('S');
const QUERY = letter('Q');
const TERMINATE = letter('X');
const PASSWORD = letter('p');
const READY_FOR_QUERY = letter('Z');
/** What ReadyForQuery says: in no transaction, in one that has failed. */
const IDLE = letter('I');
const FAILED = letter('E');

const readyForQuery = (status: number): Buffer => Buffer.from([READY_FOR_QUERY, 0, 0, 0, 5, status]);

function errorResponse(message: string): Buffer {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C08006\0M${message}\0\0`);
  const head = Buffer.alloc(5);
  head[0] = letter('E');
  head.writeInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, fields]);
}

/**
 * Calls `message` with the type of each message of a stream that comes in pieces, and the first byte that follows its length, if there is one. `headless`: how many messages without a type come first.
 */
function messages(headless: number, message: (type: number | null, first: number | null) => void): (piece: Uint8Array) => void {
  let head: number[] = [];
  let skip = 0;
  return (piece) => {
    let at = 0;
    while (at < piece.length) {
      if (skip > 0) {
        const passed = Math.min(skip, piece.length - at);
        skip -= passed;
        at += passed;
        continue;
      }
      head.push(piece[at++]!);
      const typed = headless > 0 ? 0 : 1;
      if (head.length < typed + 4) continue;
      const length = Buffer.from(head).readInt32BE(typed) - 4;
      if (length > 0 && head.length === typed + 4) continue;
      const type = typed === 1 ? head[0]! : null;
      const first = head[typed + 4] ?? null;
      skip = Math.max(0, length - 1);
      headless = Math.max(0, headless - 1);
      head = [];
      message(type, first);
    }
  };
}

/** A connected socket, with TLS if it is wanted. */
async function reach({ host, port, path, tls }: ServerAddress): Promise<Socket> {
  const socket = path === undefined ? connectTcp({ host, port, keepAlive: true, noDelay: true }) : connectTcp({ path });
  const first = <T>(target: Socket, event: string): Promise<T> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => target.destroy(new Error(`no connection within ${CONNECT_WITHIN} ms`)), CONNECT_WITHIN);
      const settle = (end: () => void): void => {
        clearTimeout(timer);
        target.off('error', failed);
        target.off('close', closed);
        end();
      };
      const failed = (error: Error): void => settle(() => reject(error));
      const closed = (): void => settle(() => reject(new Error('the connection was closed')));
      target.once(event, (value: T) => settle(() => resolve(value)));
      target.on('error', failed);
      target.on('close', closed);
    });
  await first(socket, 'connect');
  if (tls === null) return socket;
  const answer = first<Buffer>(socket, 'data');
  socket.write(SSL_REQUEST);
  if ((await answer)[0] !== letter('S')) {
    socket.destroy();
    throw new Error('the server offers no TLS');
  }
  const secure = connectTls({ ...tls, socket });
  await first(secure, 'secureConnect');
  return secure;
}

/** `onLost` is called once, when the server is not to be reached, or is gone, unless the driver ended the connection. */
export function steadySocket(address: ServerAddress, onLost: (reason: Error) => void): Duplex {
  let server: Socket | null = null;
  let lost: Error | null = null;
  let ending = false;
  let started = false;
  /** What was written before there was a connection. */
  const early: Buffer[] = [];
  /** Queries that were sent with their end, and are not answered; messages of one whose end is still to come. */
  let unanswered = 0;
  let unended = false;
  /** The query whose end is to come has been answered with an error. */
  let refused = false;

  /** Whether the driver is in a transaction, as far as it knows. */
  let transaction = false;

  const outgoing = messages(1, (type) => {
    if (type === TERMINATE) ending = true;
    else if (lost !== null) refuse(type);
    else if (type === SYNC || type === QUERY) {
      unanswered++;
      unended = false;
    } else if (type !== null && type !== PASSWORD) unended = true;
  });
  const incoming = messages(0, (type, first) => {
    if (type !== READY_FOR_QUERY) return;
    transaction = first !== IDLE;
    if (started) unanswered = Math.max(0, unanswered - 1);
    started = true;
  });

  const duplex = new Duplex({
    read: () => undefined,
    write(piece: Buffer, _encoding, done) {
      // The end of a transaction that is lost is believed, else the driver would wait for it.
      if (lost !== null && (piece.includes('rollback') || piece.includes('commit'))) transaction = false;
      outgoing(piece);
      if (lost !== null) done();
      else if (server === null) {
        early.push(piece);
        done();
      } else server.write(piece, () => done());
    },
    final(done) {
      ending = true;
      server?.end();
      done();
      duplex.destroy();
    },
    destroy(_error, done) {
      ending = true;
      server?.destroy();
      done(null);
    },
  });

  // As a socket of Node says it: the driver ends those that are open, and waits until they are closed.
  Object.defineProperty(duplex, 'readyState', { get: () => (duplex.destroyed ? 'closed' : 'open') });

  /** Answers the driver, after what it is doing now. */
  function answer(...parts: Buffer[]): void {
    setImmediate(() => {
      if (!duplex.destroyed) duplex.push(Buffer.concat(parts));
    });
  }

  const ready = (): Buffer => readyForQuery(transaction ? FAILED : IDLE);

  /** Answers a message in the place of the server that is gone. */
  function refuse(type: number | null): void {
    const error = errorResponse(lost!.message);
    if (type === QUERY) answer(error, ready());
    else if (type === SYNC) {
      answer(ready());
      refused = false;
    } else if (!refused) {
      answer(error);
      refused = type !== null;
    }
  }

  function lose(reason: Error): void {
    if (lost !== null || ending) return;
    lost = new Error(`the connection to the database is lost: ${reason.message}`);
    const error = errorResponse(lost.message);
    if (!started) answer(error);
    else {
      for (let n = 0; n < unanswered; n++) answer(error, ready());
      if (unended) {
        answer(error);
        refused = true;
      }
    }
    onLost(lost);
  }

  reach(address).then(
    (socket) => {
      if (ending) {
        socket.destroy();
        return;
      }
      server = socket;
      socket.on('data', (piece: Buffer) => {
        incoming(piece);
        duplex.push(piece);
      });
      socket.on('error', lose);
      socket.on('close', () => lose(new Error('the server closed it')));
      for (const piece of early.splice(0)) socket.write(piece);
    },
    (error: unknown) => lose(error as Error),
  );
  return duplex;
}
