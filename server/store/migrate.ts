/** Brings a database to this version's schema. */
import { fileURLToPath } from 'node:url';
import { sql } from 'drizzle-orm';
import { readMigrationFiles } from 'drizzle-orm/migrator';
import type { PostgresJsDatabase } from 'drizzle-orm/postgres-js';

const FOLDER = fileURLToPath(new URL('./migrations', import.meta.url));

/** Key of the advisory lock under which one coordinator at a time migrates. */
const LOCK = 0x76746162;

/** The database was written by a version that this one does not know. */
export class NewerSchema extends Error {
  override readonly name = 'NewerSchema';
}

/**
 * Applies the migrations that are missing, all or none, and records them as drizzle's own migrator does (whose transaction would not be under the lock).
 *
 * @param folder where the migrations are; default: this version's
 * @throws NewerSchema where the database has migrations that this version does not know
 */
export async function migrateSchema(database: PostgresJsDatabase, folder: string = FOLDER): Promise<void> {
  const known = readMigrationFiles({ migrationsFolder: folder });
  const newest = Math.max(...known.map(({ folderMillis }) => folderMillis));
  await database.transaction(async (transaction) => {
    await transaction.execute(sql`select pg_advisory_xact_lock(${LOCK})`);
    await transaction.execute(sql`create schema if not exists drizzle`);
    await transaction.execute(
      sql`create table if not exists drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint)`,
    );
    const [last] = await transaction.execute<{ time: string | null }>(
      sql`select max(created_at) as time from drizzle.__drizzle_migrations`,
    );
    const found = Number(last?.time ?? 0);
    if (found > newest)
      throw new NewerSchema(
        `the database has the schema of ${new Date(found).toISOString()}, this version of veritab knows that of ${new Date(newest).toISOString()}: use the newer version`,
      );
    for (const { sql: statements, hash, folderMillis } of known) {
      if (folderMillis <= found) continue;
      for (const statement of statements) await transaction.execute(sql.raw(statement));
      await transaction.execute(sql`insert into drizzle.__drizzle_migrations (hash, created_at) values (${hash}, ${folderMillis})`);
    }
  });
}
