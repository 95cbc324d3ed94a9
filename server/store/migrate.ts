/** Brings a database to this version's schema. */
import { fileURLToPath } from 'node:url';
import { sql } from 'drizzle-orm';
import { readMigrationFiles } from 'drizzle-orm/migrator';
import type { PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import { migrate } from 'drizzle-orm/postgres-js/migrator';

const FOLDER = fileURLToPath(new URL('./migrations', import.meta.url));

/** Key of the advisory lock under which one coordinator at a time migrates. */
const LOCK = 0x76746162;

/** The database was written by a version that this one does not know. */
export class NewerSchema extends Error {
  override readonly name = 'NewerSchema';
}

/**
 * Applies the migrations that are missing, all or none. The connection must be a single one, since the lock is its own.
 *
 * @param folder where the migrations are; default: this version's
 * @throws NewerSchema where the database has migrations that this version does not know
 */
export async function migrateSchema(database: PostgresJsDatabase, folder: string = FOLDER): Promise<void> {
  await database.execute(sql`select pg_advisory_lock(${LOCK})`);
  try {
    const known = readMigrationFiles({ migrationsFolder: folder });
    const newest = Math.max(...known.map(({ folderMillis }) => folderMillis));
    const [table] = await database.execute<{ name: string | null }>(sql`select to_regclass('drizzle.__drizzle_migrations')::text as name`);
    if (table?.name) {
      const [last] = await database.execute<{ time: string | null }>(sql`select max(created_at) as time from drizzle.__drizzle_migrations`);
      const found = Number(last?.time ?? 0);
      if (found > newest)
        throw new NewerSchema(
          `the database has the schema of ${new Date(found).toISOString()}, this version of veritab knows that of ${new Date(newest).toISOString()}: use the newer version`,
        );
    }
    await migrate(database, { migrationsFolder: folder });
  } finally {
    await database.execute(sql`select pg_advisory_unlock(${LOCK})`);
  }
}
