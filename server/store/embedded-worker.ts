/** The embedded database's worker: PGlite behind a unix socket. It would block its thread for 80 to 320 ms at a time, so it has one of its own. */
import { parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import type { EmbeddedMessage, EmbeddedOrder, EmbeddedPlace } from './embedded.ts';

if (parentPort === null) throw new Error('embedded-worker is the entry of a worker');
const port = parentPort;
const { folder, socket } = workerData as EmbeddedPlace;

const database = await PGlite.create(folder);
const execute = database.execProtocolRawStream.bind(database);
database.execProtocolRawStream = async (...message) => {
  try {
    await execute(...message);
  } catch (error) {
    // SQL that fails is answered, not thrown: this is a database that does not run any more. Its owner starts another one.
    setImmediate(() => {
      throw error;
    });
    await new Promise(() => undefined);
  }
};
// One client with one connection: all connections would share one session of the database. A second one is let in while the first one, lost, is cleared away.
const server = new PGLiteSocketServer({ db: database, path: socket, maxConnections: 4 });
await server.start();

// The only order that there is.
port.once('message', (_order: EmbeddedOrder) => {
  void server
    .stop()
    .then(() => database.close())
    .then(() => port.close());
});
port.postMessage('ready' satisfies EmbeddedMessage);
