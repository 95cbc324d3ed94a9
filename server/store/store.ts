/**
 * The database of a network: a PostgreSQL server, shared by its coordinators, or the embedded one of a single coordinator. One driver, one dialect, one schema.
 */
import { join } from 'node:path';
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';
import { uuidv7 } from 'uuidv7';
import { Announcements, CHANNEL, type Announcement } from './announcements.ts';
import { openEmbedded, type EmbeddedDatabase } from './embedded.ts';
import { migrateSchema } from './migrate.ts';
import { retrying } from './retry.ts';
import { steadySocket, type ServerAddress } from './steady-socket.ts';

export type Database = PostgresJsDatabase;
/** What runs inside of a transaction. A query on `Store.database` in there would wait for its own end where there is one connection: use this one for all. */
export type Transaction = Parameters<Parameters<Database['transaction']>[0]>[0];

export interface StoreOptions {
  /** `postgres://...`, or null for the embedded database. */
  readonly databaseUrl: string | null;
  /** The data folder: the embedded database is in `database` there. */
  readonly data: string;
  /** Connections to a server. Default 10. */
  readonly connections?: number;
  /** Called when the embedded database failed; `final`: it is not started again. */
  readonly onFailure?: (error: Error, final: boolean) => void;
}

export interface Store {
  /** Names this process among the coordinators of the network. UUID. */
  readonly instance: string;
  readonly embedded: boolean;
  readonly database: Database;
  /**
   * Runs `action` in a transaction (read committed). Where the connection was lost, or the database chose it as the victim of a deadlock, it is run again, for up to 10 s: also where it was committed
   * and the news was lost, so it must find out from the rows what is still to do.
   */
  transaction<T>(action: (transaction: Transaction) => Promise<T>): Promise<T>;
  /** Runs queries that may be repeated, as `transaction` does, without one. */
  query<T>(action: (database: Database) => Promise<T>): Promise<T>;
  /** Tells every coordinator, this one at once. After the commit of what is announced. */
  announce(announcement: Announcement): void;
  listen: Announcements['listen'];
  /** Whether the database answers. */
  ready(): Promise<boolean>;
  close(): Promise<void>;
}

/**
 * Opens the database and brings it to this version's schema.
 * @throws NewerSchema, what the driver says of a server that is not to be reached, or that the data folder is in use
 */
export async function openStore({ databaseUrl, data, connections = 10, onFailure }: StoreOptions): Promise<Store> {
  const embedded = databaseUrl === null ? await openEmbedded(join(data, 'database'), onFailure) : null;
  try {
    return await connect(embedded, databaseUrl, connections);
  } catch (error) {
    await embedded?.close();
    throw error;
  }
}

/** A driver with its connections, and drizzle on top of it. */
interface Driver {
  readonly client: postgres.Sql;
  readonly database: Database;
}

async function connect(embedded: EmbeddedDatabase | null, databaseUrl: string | null, connections: number): Promise<Store> {
  const address: ServerAddress =
    embedded !== null ? { host: '', port: 0, path: embedded.socket, tls: null } : serverAddress(new URL(databaseUrl!));
  const instance = uuidv7();
  const announcements = new Announcements();
  let closed = false;

  /** `onLost`: one of its connections is lost. */
  function open(max: number, onLost: () => void): Driver {
    // `socket` is in the driver's documentation, and not in its types.
    const settings: postgres.Options<Record<string, never>> & { socket: () => unknown } = {
      socket: () => steadySocket(address, onLost),
      ...(embedded === null ? {} : { database: 'postgres', username: 'postgres' }),
      ssl: false,
      max,
      max_lifetime: null,
      connect_timeout: 0,
      onnotice: () => undefined,
      fetch_types: false,
      connection: { application_name: 'veritab' },
    };
    const client = databaseUrl === null ? postgres(settings) : postgres(databaseUrl, settings);
    return { client, database: drizzle(client, { casing: 'snake_case' }) };
  }

  const migrating = open(1, () => undefined);
  try {
    await migrateSchema(migrating.database);
  } finally {
    await migrating.client.end({ timeout: 1 });
  }

  /** A driver that takes the place of the one before, whose connections may be lost. */
  function fresh(): Driver {
    const driver = open(embedded === null ? connections : 1, () => {
      if (live !== driver || closed) return;
      live = fresh();
      // What waits for its connections is refused, what runs on others comes to its end; then it goes.
      setTimeout(() => void driver.client.end({ timeout: 5 }).catch(() => undefined), 1000).unref();
    });
    if (embedded === null)
      driver.client.listen(CHANNEL, receive).catch(() => {
        // Its connection was lost, and the driver with it: the next one listens.
      });
    return driver;
  }

  function receive(payload: string): void {
    const separator = payload.indexOf(' ');
    if (payload.slice(0, separator) !== instance) announcements.receive(payload.slice(separator + 1));
  }

  let live = fresh();
  return {
    instance,
    embedded: embedded !== null,
    get database() {
      return live.database;
    },
    transaction: (action) => retrying(() => live.database.transaction(action)),
    query: (action) => retrying(() => action(live.database)),
    announce(announcement) {
      announcements.emit(announcement);
      // Lost is lost: whoever listens also looks every second.
      if (embedded === null) live.client.notify(CHANNEL, `${instance} ${JSON.stringify(announcement)}`).catch(() => undefined);
    },
    listen: (listener) => announcements.listen(listener),
    ready: () =>
      live.client`select 1`.then(
        () => true,
        () => false,
      ),
    async close() {
      closed = true;
      await live.client.end({ timeout: 5 });
      await embedded?.close();
    },
  };
}

/** Where a URL's server is. `sslmode`: `disable` (default), `require` (whoever it is), `verify-full`. */
function serverAddress(url: URL): ServerAddress {
  const mode = url.searchParams.get('sslmode') ?? 'disable';
  const host = url.hostname.replace(/^\[|\]$/g, '') || 'localhost';
  const tls = mode === 'disable' ? null : { servername: host, rejectUnauthorized: mode === 'verify-full' };
  return { host, port: Number(url.port || 5432), tls };
}
