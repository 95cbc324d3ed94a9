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

async function connect(embedded: EmbeddedDatabase | null, databaseUrl: string | null, connections: number): Promise<Store> {
  const settings = {
    // Statements that are known to be there do not announce it.
    onnotice: () => undefined,
    fetch_types: false,
    connection: { application_name: 'veritab' },
  };
  const open = (max: number) =>
    embedded !== null
      ? postgres({
          ...settings,
          path: embedded.socket,
          database: 'postgres',
          username: 'postgres',
          max: 1,
          max_lifetime: null,
          backoff: () => 0.1,
        })
      : postgres(databaseUrl!, { ...settings, max, backoff: (tries) => Math.min(2, 0.05 * 2 ** tries), connect_timeout: 10 });

  const first = open(1);
  try {
    await migrateSchema(drizzle(first, { casing: 'snake_case' }));
  } catch (error) {
    await first.end({ timeout: 1 });
    throw error;
  }
  let client = first;
  if (embedded === null) {
    await first.end();
    client = open(connections);
  }

  const instance = uuidv7();
  const database = drizzle(client, { casing: 'snake_case' });
  const announcements = new Announcements();
  if (embedded === null)
    await client.listen(CHANNEL, (payload) => {
      const separator = payload.indexOf(' ');
      if (payload.slice(0, separator) !== instance) announcements.receive(payload.slice(separator + 1));
    });

  return {
    instance,
    embedded: embedded !== null,
    database,
    transaction: (action) => retrying(() => database.transaction(action)),
    query: (action) => retrying(() => action(database)),
    announce(announcement) {
      announcements.emit(announcement);
      // Lost is lost: whoever listens also looks every second.
      if (embedded === null) client.notify(CHANNEL, `${instance} ${JSON.stringify(announcement)}`).catch(() => undefined);
    },
    listen: (listener) => announcements.listen(listener),
    ready: () =>
      client`select 1`.then(
        () => true,
        () => false,
      ),
    async close() {
      await client.end({ timeout: 5 });
      await embedded?.close();
    },
  };
}
