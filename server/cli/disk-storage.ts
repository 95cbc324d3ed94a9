/** What miners and clients of this machine keep, below a folder: `blobs/` by hash, `records/` by name, readable by their owner only. */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Storage } from '../../web/client/storage.ts';

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';

async function unlessMissing<T>(action: () => Promise<T>): Promise<T | null> {
  try {
    return await action();
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** Whole or not at all. */
async function writeWhole(path: string, bytes: Uint8Array | string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${randomBytes(6).toString('hex')}.partial`;
  try {
    await writeFile(temporary, bytes, { mode: 0o600, flush: true });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Storage below `folder`, which is made when it is needed. */
export function diskStorage(folder: string): Storage {
  const blobs = join(folder, 'blobs');
  const blobPath = (hash: string): string => {
    if (!/^[0-9a-f]{64}$/.test(hash)) throw new RangeError(`not the name of a blob: ${hash}`);
    return join(blobs, hash);
  };
  const recordPath = (name: string): string => join(folder, 'records', `${encodeURIComponent(name)}.json`);
  return {
    blobs: {
      get: (hash) =>
        unlessMissing(async () => {
          const bytes = new Uint8Array(await readFile(blobPath(hash)));
          const now = new Date();
          await unlessMissing(() => utimes(blobPath(hash), now, now));
          return bytes;
        }),
      has: async (hash) => (await unlessMissing(() => stat(blobPath(hash)))) !== null,
      put: (hash, bytes) => writeWhole(blobPath(hash), bytes),
      delete: (hash) => rm(blobPath(hash), { force: true }),
      async entries() {
        const names = (await unlessMissing(() => readdir(blobs))) ?? [];
        const found = await Promise.all(
          names
            .filter((name) => /^[0-9a-f]{64}$/.test(name))
            .map(async (hash) => {
              const stats = await unlessMissing(() => stat(blobPath(hash)));
              return stats === null ? [] : [{ hash, bytes: stats.size, used: stats.mtimeMs }];
            }),
        );
        return found.flat().sort((a, b) => a.used - b.used);
      },
      clear: () => rm(blobs, { recursive: true, force: true }),
    },
    records: {
      async get(name) {
        const text = await unlessMissing(() => readFile(recordPath(name), 'utf8'));
        if (text === null) return null;
        try {
          return JSON.parse(text) as unknown;
        } catch {
          // Damaged: as good as none.
          return null;
        }
      },
      set: (name, value) => writeWhole(recordPath(name), JSON.stringify(value)),
      delete: (name) => rm(recordPath(name), { force: true }),
    },
  };
}
