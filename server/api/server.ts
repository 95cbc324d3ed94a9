/** The sockets behind the interface: HTTP or HTTPS on one port. */
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  /** Paths of PEM files; null: plain HTTP. */
  readonly tls: { readonly cert: string; readonly key: string } | null;
}

export type Fetch = Parameters<typeof getRequestListener>[0];

export interface ListeningServer {
  /** The port it got. */
  readonly port: number;
  /** For upgrades to WebSocket. */
  readonly server: Server;
  /** Begins to answer; requests that came before wait. */
  answer(fetch: Fetch): void;
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
  let answer: (fetch: Fetch) => void = () => undefined;
  const answering = new Promise<Fetch>((resolve) => {
    answer = resolve;
  });
  const listener = answering.then((fetch) => getRequestListener(fetch, { overrideGlobalObjects: false }));
  server.on('request', (request, response) => void listener.then((listen) => listen(request, response)));
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
    server,
    answer: (fetch) => answer(fetch),
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
