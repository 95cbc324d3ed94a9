/** Databases for tests: copies of one embedded database that has the schema already, since making one takes seconds. */
import { createHash } from 'node:crypto';
import { cp, mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '../../../server/store/store.ts';

const MIGRATIONS = new URL('../../../server/store/migrations/meta/_journal.json', import.meta.url);
const LOCK_FILE = new URL('../../../package-lock.json', import.meta.url);

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** The folder of a database with this version's schema and nothing in it, made once for all test files. */
async function template(): Promise<string> {
  const version = createHash('sha256');
  for (const file of [MIGRATIONS, LOCK_FILE]) version.update(await readFile(file));
  const folder = join(tmpdir(), `veritab-test-database-${version.digest('hex').slice(0, 16)}`);
  if (await exists(folder)) return folder;
  const made = await mkdtemp(join(tmpdir(), 'veritab-test-template-'));
  await (await openStore({ databaseUrl: null, data: made })).close();
  try {
    await rename(made, folder);
  } catch (error) {
    // Another test file was quicker.
    if (!(await exists(folder))) throw error;
    await rm(made, { recursive: true, force: true });
  }
  return folder;
}

/** A data folder with an empty database in it, and what removes it. */
export async function dataFolder(): Promise<{ readonly data: string; remove(): Promise<void> }> {
  const data = await mkdtemp(join(tmpdir(), 'veritab-test-data-'));
  await cp(await template(), data, { recursive: true });
  return { data, remove: () => rm(data, { recursive: true, force: true }) };
}
