/** The sockets behind the interface: HTTP or HTTPS on one port, WebSocket upgrades handed on. */
import { readFile } from 'node:fs/promises';
import { createServer, STATUS_CODES, type IncomingMessage, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { getRequestListener } from '@hono/node-server';
import { Problem } from '../coordinator.ts';
import { problemDocument } from './problem.ts';

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  /** Paths of PEM files; null: plain HTTP. */
  readonly tls: { readonly cert: string; readonly key: string } | null;
}

/** What answers, once it is known. */
export interface Handlers {
  readonly fetch: Parameters<typeof getRequestListener>[0];
  /** Gets the upgrades to WebSocket of this path. */
  readonly upgrade: { readonly path: string; readonly accept: (request: IncomingMessage, socket: Duplex, head: Buffer) => void };
}

export interface ListeningServer {
  /** The port it got. */
  readonly port: number;
  /** Begins to answer; requests that came before wait. */
  serve(handlers: Handlers): void;
  /** Takes no more connections, ends idle ones; resolves when all have ended, which those that are still open after `within` ms are made to. */
  close(within: number): Promise<void>;
}

/** Time for the headers of a request, and for all of it. */
const HEADERS_WITHIN = 20_000;
const REQUEST_WITHIN = 300_000;

/** Listens. Rejects where the address is taken or not ours, or the certificate cannot be used. */
export async function listen({ host, port, tls }: ListenOptions): Promise<ListeningServer> {
  const limits = { headersTimeout: HEADERS_WITHIN, requestTimeout: REQUEST_WITHIN, keepAliveTimeout: 30_000, maxHeaderSize: 16_384 };
  const server: Server =
    tls === null ? createServer(limits) : createSecureServer({ ...limits, cert: await readFile(tls.cert), key: await readFile(tls.key) });
  let serving: (handlers: Handlers) => void = () => undefined;
  const ready = new Promise<Handlers>((resolve) => {
    serving = resolve;
  });
  const listener = ready.then(({ fetch }) => getRequestListener(fetch, { overrideGlobalObjects: false }));
  server.on('request', (request, response) => void listener.then((answer) => answer(request, response)));
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // A socket without a listener for its errors would end the process.
    socket.on('error', () => socket.destroy());
    void ready.then(({ upgrade }) => {
      const path = (request.url ?? '').split('?')[0];
      if (path === upgrade.path) upgrade.accept(request, socket, head);
      else
        refuseUpgrade(
          socket,
          new Problem(404, 'unknown-route', 'no WebSocket is served here', { expected: upgrade.path, got: path ?? '' }),
        );
    });
  });
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n');
    else socket.destroy();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return {
    port: (server.address() as AddressInfo).port,
    serve: (handlers) => serving(handlers),
    close: (within) =>
      new Promise((resolve) => {
        const late = setTimeout(() => server.closeAllConnections(), within);
        server.close(() => {
          clearTimeout(late);
          resolve();
        });
        server.closeIdleConnections();
      }),
  };
}

/** Answers an upgrade that is not granted, as HTTP does. */
export function refuseUpgrade(socket: Duplex, problem: Problem): void {
  const body = JSON.stringify(problemDocument(problem));
  const retry = problem.retryAfter === undefined ? '' : `retry-after: ${Math.ceil(problem.retryAfter)}\r\n`;
  socket.end(
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? 'Error'}\r\ncontent-type: application/problem+json\r\n${retry}` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
