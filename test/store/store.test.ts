import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { blake3 } from '@noble/hashes/blake3.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBlobs, type Blobs } from '../../server/blobs/blobs.ts';
import type { Announcement } from '../../server/store/announcements.ts';
import { migrateSchema, NewerSchema } from '../../server/store/migrate.ts';
import { blobs as blobTable, network, requests } from '../../server/store/schema.ts';
import { openStore, type Store } from '../../server/store/store.ts';
import { dataFolder } from '../support/dispatch/database.ts';
import { findPostgres, startPostgres, type PostgresServer } from '../support/dispatch/postgres.ts';

const MIGRATIONS = fileURLToPath(new URL('../../server/store/migrations', import.meta.url));
const programs = findPostgres();

/** A database that a test file can open. */
interface Place {
  readonly databaseUrl: string | null;
  readonly data: string;
  remove(): Promise<void>;
}

const embedded = { name: 'the embedded database', open: async (): Promise<Place> => ({ databaseUrl: null, ...(await dataFolder()) }) };
const server = {
  name: 'a PostgreSQL server',
  async open(): Promise<Place> {
    const postgres = await startPostgres(programs!);
    return { databaseUrl: await postgres.database(), data: '', remove: () => postgres.stop() };
  },
};

describe.each(programs === null ? [embedded] : [embedded, server])('the store on $name', ({ open }) => {
  let place: Place;
  let store: Store;
  beforeAll(async () => {
    place = await open();
    store = await openStore(place);
  });
  afterAll(async () => {
    await store.close();
    await place.remove();
  });

  it('keeps tensors, bytes, lists and large numbers as they are', async () => {
    const row = {
      id: '01890000-0000-7000-8000-000000000001',
      kind: 'client' as const,
      model: 'a'.repeat(64),
      cuts: [3, 7],
      state: 'proving' as const,
      created: 1_800_000_000_123,
      deadline: Number.MAX_SAFE_INTEGER,
      inputs: [Uint8Array.of(0, 255, 92, 120), new Uint8Array(0)],
      outputs: [Int32Array.of(-(2 ** 31), 0, 2 ** 31 - 1)],
      address: '::1',
      idempotencyKey: "'quoted' \\ {key}",
      asked: '',
      events: 1,
    };
    await store.query((database) => database.insert(requests).values(row));
    const [read] = await store.query((database) => database.select().from(requests));
    expect(read).toMatchObject(row);
  });

  it('takes back a transaction that throws, and goes on', async () => {
    const failing = store.transaction(async (transaction) => {
      await transaction.insert(network).values({ name: 'half', value: 'done' });
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await store.query((database) => database.select().from(network))).toEqual([]);
  });

  it('closes at once when there is nothing under way', async () => {
    const own = await open();
    const other = await openStore(own);
    await other.transaction((transaction) => transaction.select().from(network));
    const begin = performance.now();
    await other.close();
    // The driver gives up waiting for its connections after five seconds.
    expect(performance.now() - begin).toBeLessThan(4000);
    await own.remove();
  });

  it('tells this process what is announced', async () => {
    const heard: Announcement[] = [];
    const unlisten = store.listen((announcement) => heard.push(announcement));
    store.announce({ topic: 'jobs' });
    unlisten();
    store.announce({ topic: 'jobs' });
    expect(heard).toEqual([{ topic: 'jobs' }]);
  });

  it('migrates from nothing, once, and again without a change', async () => {
    const journal = JSON.parse(await readFile(join(MIGRATIONS, 'meta/_journal.json'), 'utf8')) as { entries: unknown[] };
    const applied = async () =>
      Number((await store.database.execute<{ n: string }>(sql`select count(*) as n from drizzle.__drizzle_migrations`))[0]!.n);
    expect(await applied()).toBe(journal.entries.length);
    await migrateSchema(store.database);
    expect(await applied()).toBe(journal.entries.length);
  });

  it('refuses a database that a newer version has migrated', async () => {
    const older = await mkdtemp(join(tmpdir(), 'veritab-test-migrations-'));
    try {
      await cp(MIGRATIONS, older, { recursive: true });
      const file = join(older, 'meta/_journal.json');
      const journal = JSON.parse(await readFile(file, 'utf8')) as { entries: { when: number }[] };
      for (const entry of journal.entries) entry.when -= 1;
      await writeFile(file, JSON.stringify(journal));
      await expect(migrateSchema(store.database, older)).rejects.toThrow(NewerSchema);
      await expect(migrateSchema(store.database, older)).rejects.toThrow('use the newer version');
    } finally {
      await rm(older, { recursive: true });
    }
  });

  describe.each(['disk', 'postgres'] as const)('with blobs in %s', (kept) => {
    let time = 1_000_000_000_000;
    let folder: string;
    const now = () => time;
    const openHere = (cap?: number): Blobs => openBlobs({ store, place: kept, folder, now, ...(cap === undefined ? {} : { cap }) });
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'veritab-test-blobs-'));
      await store.database.delete(blobTable);
    });
    afterAll(() => rm(folder, { recursive: true }));

    it('names them by BLAKE3 and reads them in part', async () => {
      const blobs = openHere();
      const large = Uint8Array.from({ length: 100_000 }, (_, n) => n % 251);
      const hash = await blobs.put(large, 'proof');
      expect(hash).toBe(Buffer.from(blake3(large)).toString('hex'));
      const blob = (await blobs.get(hash))!;
      expect(blob.size).toBe(100_000);
      expect(await blob.read(99_990, 100_000)).toEqual(large.subarray(99_990));
      expect(await blob.read(0, 3)).toEqual(large.subarray(0, 3));
      expect(await blobs.read(hash)).toEqual(large);
      expect(await blobs.read(await blobs.put(new Uint8Array(0), 'proof'))).toEqual(new Uint8Array(0));
    });

    it('knows no names that are none', async () => {
      const blobs = openHere();
      for (const name of ['', '../../etc/passwd', 'A'.repeat(64), 'a'.repeat(63), `${'a'.repeat(62)}/.`])
        expect(await blobs.get(name)).toBeNull();
      expect(await blobs.get('a'.repeat(64))).toBeNull();
    });

    it('keeps them as long as their kind says, and the longer of two kinds', async () => {
      const blobs = openHere();
      const benchmark = await blobs.put(Uint8Array.of(1), 'benchmark-proof');
      const bundle = await blobs.put(Uint8Array.of(2), 'bundle');
      const pinned = await blobs.put(Uint8Array.of(3), 'upload');
      const both = await blobs.put(Uint8Array.of(4), 'bundle');
      await blobs.put(Uint8Array.of(4), 'benchmark-proof');
      await blobs.pin(pinned);
      time += 3_600_001;
      await blobs.sweep();
      expect(await Promise.all([benchmark, bundle, pinned, both].map(async (hash) => (await blobs.get(hash)) !== null))).toEqual([
        false,
        true,
        true,
        true,
      ]);
      time += 7 * 24 * 3_600_000;
      await blobs.sweep();
      expect(await Promise.all([bundle, pinned, both].map(async (hash) => (await blobs.get(hash)) !== null))).toEqual([false, true, false]);
    });

    it('removes benchmark proofs, uploads, proofs, bundles, in this order and the oldest first, where there is no room; never artefacts or what is in use', async () => {
      await store.database.delete(blobTable);
      const blobs = openHere(5000);
      let fill = 10;
      const put = (kind: Parameters<Blobs['put']>[1]): Promise<string> => {
        time += 1;
        return blobs.put(new Uint8Array(1000).fill(fill++), kind);
      };
      const artefact = await put('artefact');
      const bundle = await put('bundle');
      const older = await put('proof');
      const newer = await put('proof');
      const upload = await put('upload');
      const there = async () => {
        const kept = await Promise.all([artefact, bundle, older, newer, upload].map(async (hash) => (await blobs.get(hash)) !== null));
        return ['artefact', 'bundle', 'older', 'newer', 'upload'].filter((_, n) => kept[n]);
      };
      await expect(put('bundle')).rejects.toThrow('no room for a blob of 1000 bytes');
      expect(await there()).toEqual(['artefact', 'bundle', 'older', 'newer', 'upload']);
      time += 700_000;
      await put('bundle');
      expect(await there()).toEqual(['artefact', 'bundle', 'older', 'newer']);
      await put('bundle');
      expect(await there()).toEqual(['artefact', 'bundle', 'newer']);
      await put('bundle');
      await put('bundle');
      expect(await there()).toEqual(['artefact']);
      await expect(put('bundle')).rejects.toThrow('belongs to models and recent requests');
      expect(await blobs.total()).toBe(5000);
    });
  });
});

describe('the embedded database', () => {
  it('is opened by one process at a time', async () => {
    const place = await dataFolder();
    const store = await openStore({ databaseUrl: null, data: place.data });
    await expect(openStore({ databaseUrl: null, data: place.data })).rejects.toThrow('is already open in this process');
    await store.close();
    // A process that ended without giving it back holds nothing.
    await writeFile(join(place.data, 'database/lock'), '999999999 1\n');
    await (await openStore({ databaseUrl: null, data: place.data })).close();
    await writeFile(join(place.data, 'database/lock'), `${process.ppid} ${await birth(process.ppid)}\n`);
    await expect(openStore({ databaseUrl: null, data: place.data })).rejects.toThrow(`is in use by process ${process.ppid}`);
    await place.remove();
  });
});

async function birth(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]!;
}

describe.skipIf(programs === null)('stores that share a server', () => {
  let postgres: PostgresServer;
  beforeAll(async () => {
    postgres = await startPostgres(programs!);
  });
  afterAll(() => postgres.stop());

  it('hear what the others announce, and migrate an empty database together', async () => {
    const databaseUrl = await postgres.database();
    const [one, two] = await Promise.all([openStore({ databaseUrl, data: '' }), openStore({ databaseUrl, data: '' })]);
    const heard = new Promise<Announcement>((resolve) => two.listen(resolve));
    one.announce({ topic: 'paused', hotkey: 'somebody', until: 5 });
    expect(await heard).toEqual({ topic: 'paused', hotkey: 'somebody', until: 5 });
    await Promise.all([one.close(), two.close()]);
  });

  it('go on after their connections were ended, and after the server was killed', async () => {
    const store = await openStore({ databaseUrl: await postgres.database(), data: '' });
    const write = (name: string) =>
      store.transaction(async (transaction) => {
        await transaction.insert(network).values({ name, value: '' }).onConflictDoNothing();
      });
    await write('before');
    const during = Promise.all(Array.from({ length: 50 }, (_, n) => write(`during ${n}`)));
    await postgres.disconnect();
    await during;
    await postgres.kill();
    const down = write('down');
    await postgres.start();
    await down;
    expect(await store.query((database) => database.select().from(network))).toHaveLength(52);
    expect(await store.ready()).toBe(true);
    await store.close();
  });
});

it('lets the process end that has hashed a large blob', async () => {
  const script = `
    import { blobName } from ${JSON.stringify(new URL('../../server/blobs/hashing.ts', import.meta.url).href)};
    console.log(await blobName(new Uint8Array(2 ** 20)));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script], {
    timeout: 60_000,
  });
  expect(stdout.trim()).toBe(bytesToHex(blake3(new Uint8Array(2 ** 20))));
});
