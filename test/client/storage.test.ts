import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { diskStorage } from '../../server/cli/disk-storage.ts';
import { blobHash, createBlobs } from '../../web/client/blobs.ts';
import { memoryStorage, type Storage } from '../../web/client/storage.ts';
import { temporaryFolder } from '../support/cli.ts';

const folders: ReturnType<typeof temporaryFolder>[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) folder.remove();
});

function newFolder(): string {
  const folder = temporaryFolder();
  folders.push(folder);
  return folder.file('edge');
}

const KINDS: readonly [string, () => Storage][] = [
  ['memory', memoryStorage],
  ['on disk', () => diskStorage(newFolder())],
];

const bytes = Uint8Array.of(1, 2, 3);

describe.each(KINDS)('storage %s', (_, make) => {
  it('keeps blobs, the longest unused first, and records', async () => {
    const { blobs, records } = make();
    const [a, b] = ['a'.repeat(64), 'b'.repeat(64)] as [string, string];
    expect([await blobs.get(a), await blobs.has(a), await blobs.entries()]).toEqual([null, false, []]);
    await blobs.put(a, bytes);
    await expect.poll(() => Date.now() % 5).toBe(0);
    await blobs.put(b, bytes.slice(1));
    expect(await blobs.entries()).toMatchObject([
      { hash: a, bytes: 3 },
      { hash: b, bytes: 2 },
    ]);
    await expect.poll(() => Date.now() % 5).toBe(1);
    expect(await blobs.get(a)).toEqual(bytes);
    expect((await blobs.entries()).map(({ hash }) => hash)).toEqual([b, a]);
    await blobs.delete(b);
    expect(await blobs.has(b)).toBe(false);
    await blobs.clear();
    expect(await blobs.entries()).toEqual([]);

    await records.set('session 5F/../x', { n: [1, null] });
    expect(await records.get('session 5F/../x')).toEqual({ n: [1, null] });
    await records.delete('session 5F/../x');
    expect(await records.get('session 5F/../x')).toBeNull();
  });
});

describe('storage on disk', () => {
  it('is readable by its owner only, and holds names within its folder', async () => {
    const folder = newFolder();
    const { records, blobs } = diskStorage(folder);
    await records.set('../../escape', 1);
    await expect(blobs.get('../x')).rejects.toThrow('not the name of a blob');
    const [name] = readdirSync(join(folder, 'records'));
    expect(statSync(join(folder, 'records', name!)).mode & 0o077).toBe(0);
    writeFileSync(join(folder, 'records', name!), 'not JSON');
    expect(await records.get('../../escape')).toBeNull();
  });
});

describe('blobs', () => {
  const hash = blobHash(bytes);
  const answering = (answer: () => Response) => async () => answer();

  it('are fetched once, checked, and kept', async () => {
    let fetched = 0;
    const storage = memoryStorage();
    const fetch = async () => {
      fetched += 1;
      return new Response(bytes);
    };
    const blobs = createBlobs('http://host/base/', fetch, storage.blobs);
    const options = { limit: 3 };
    expect(await Promise.all([blobs.get(await hash, options), blobs.get(await hash, options)])).toEqual([bytes, bytes]);
    expect(await blobs.get(await hash, options)).toEqual(bytes);
    expect(fetched).toBe(1);
    expect(await blobs.usage()).toEqual({ count: 1, bytes: 3 });
    // Damaged in the store: fetched again.
    await storage.blobs.put(await hash, Uint8Array.of(9));
    expect(await blobs.get(await hash, options)).toEqual(bytes);
    expect(fetched).toBe(2);
  });

  it('that are not what their name says, too long, or not there are refused', async () => {
    const get = async (answer: () => Response, limit = 3) =>
      createBlobs('http://host', answering(answer), memoryStorage().blobs).get(await hash, { limit });
    await expect(get(() => new Response(Uint8Array.of(1, 2, 4)))).rejects.toThrow('another hash');
    await expect(get(() => new Response(bytes), 2)).rejects.toThrow('longer than 2 bytes');
    await expect(get(() => new Response(null, { status: 404 }))).rejects.toThrow('answers 404');
  });

  it('make room for new ones', async () => {
    const blobs = createBlobs(
      'http://host',
      async (url) => new Response(Uint8Array.from((url as string).endsWith(await hash) ? bytes : [4, 5])),
      memoryStorage().blobs,
      4,
    );
    const other = await blobHash(Uint8Array.of(4, 5));
    await blobs.get(await hash, { limit: 10 });
    await blobs.get(other, { limit: 10 });
    expect([await blobs.has(await hash), await blobs.has(other)]).toEqual([false, true]);
  });

  it('that cannot be kept are used all the same', async () => {
    const { blobs } = memoryStorage();
    const full = { ...blobs, put: () => Promise.reject(new Error('no space left')) };
    expect(
      await createBlobs(
        'http://host',
        answering(() => new Response(bytes)),
        full,
      ).get(await hash, { limit: 3 }),
    ).toEqual(bytes);
  });
});
