/**
 * The embedded database: PGlite in a worker thread of its own, spoken to through a unix socket by the driver that also speaks to servers. It runs what is sent to it one after the other, in one
 * session: its client has one connection. LISTEN does not arrive through it.
 */
import { mkdtemp, mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { lockFolder } from './folder-lock.ts';

export interface EmbeddedPlace {
  /** Where its files are. */
  readonly folder: string;
  /** The unix socket that it listens on. */
  readonly socket: string;
}

export type EmbeddedMessage = 'ready';
export type EmbeddedOrder = 'close';

export interface EmbeddedDatabase {
  readonly socket: string;
  /** Writes everything, and ends the worker. */
  close(): Promise<void>;
}

const ENTRY = new URL(import.meta.url.endsWith('.ts') ? './embedded-worker.mjs' : './embedded-worker.js', import.meta.url);

/** Restarts of a database that failed, within `RESTART_WINDOW`, before it is given up. */
const MAX_RESTARTS = 3;
const RESTART_WINDOW = 60_000;

/**
 * Opens the database in a folder, making it where there is none (about 6 s; later about 1 s). A worker that fails is started again; the client's connection is lost then, and comes back.
 *
 * @param onFailure called with the reason whenever the worker failed, and with `final` where it is not started again
 * @throws where another process has opened the folder
 */
export async function openEmbedded(
  folder: string,
  onFailure: (error: Error, final: boolean) => void = () => undefined,
): Promise<EmbeddedDatabase> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const unlock = await lockFolder(folder);
  // Names of unix sockets are short (107 bytes): the data folder's would not do.
  const place = await mkdtemp(join(tmpdir(), 'veritab-'));
  const socket = join(place, '.s.PGSQL.5432');
  const leave = async (): Promise<void> => {
    await rm(place, { recursive: true, force: true });
    await unlock();
  };

  let closing = false;
  let restarts: number[] = [];
  let live: Worker | null = null;

  async function start(): Promise<void> {
    await rm(socket, { force: true });
    const worker = new Worker(ENTRY, {
      name: 'database',
      workerData: { folder: join(folder, 'pglite'), socket } satisfies EmbeddedPlace,
      execArgv: [],
    });
    await new Promise<void>((ready, failed) => {
      worker.once('message', () => ready());
      worker.once('error', failed);
      worker.once('exit', (code) => failed(new Error(`the embedded database ended with exit code ${code} before it was ready`)));
    });
    live = worker;
    let reason: Error | null = null;
    worker.once('error', (error) => (reason = error));
    worker.once('exit', (code) => {
      live = null;
      if (!closing) restart(reason ?? new Error(`the embedded database ended with exit code ${code}`));
    });
  }

  function restart(error: Error): void {
    const now = performance.now();
    restarts = [...restarts.filter((time) => now - time < RESTART_WINDOW), now];
    const final = restarts.length > MAX_RESTARTS;
    onFailure(error, final);
    if (!final) start().catch((again: unknown) => restart(again as Error));
  }

  try {
    await start();
  } catch (error) {
    await leave();
    throw error;
  }
  return {
    socket,
    async close() {
      closing = true;
      const worker = live;
      if (worker !== null) {
        const ended = new Promise((resolve) => worker.once('exit', resolve));
        worker.postMessage('close' satisfies EmbeddedOrder);
        await ended;
      }
      await leave();
    },
  };
}
