/** Blobs as files: `ab/cdef..` below a folder, written under another name, synced, renamed, so that a name that is there has all its bytes. */
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { uuidv7 } from 'uuidv7';
import type { BlobBytes } from './blobs.ts';

export function diskBytes(folder: string): BlobBytes {
  const directoryOf = (hash: string): string => join(folder, hash.slice(0, 2));
  const pathOf = (hash: string): string => join(directoryOf(hash), hash.slice(2));

  return {
    async write(hash, bytes) {
      const path = pathOf(hash);
      if (await exists(path)) return;
      const directory = directoryOf(hash);
      await mkdir(directory, { recursive: true });
      const temporary = join(directory, `.${uuidv7()}`);
      try {
        const file = await open(temporary, 'wx');
        try {
          await file.writeFile(bytes);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(temporary, path);
        await sync(directory);
      } catch (error) {
        await rm(temporary, { force: true });
        throw error;
      }
    },
    async open(hash) {
      const path = pathOf(hash);
      const size = await sizeOf(path);
      if (size === null) return null;
      return {
        size,
        async read(begin, end) {
          const file = await open(path, 'r');
          try {
            const bytes = new Uint8Array(Math.max(0, Math.min(end, size) - begin));
            const { bytesRead } = await file.read(bytes, 0, bytes.length, begin);
            if (bytesRead !== bytes.length)
              throw new Error(`blob ${hash}: ${bytes.length} bytes expected from ${begin}, ${bytesRead} read`);
            return bytes;
          } finally {
            await file.close();
          }
        },
      };
    },
    remove: (hash) => rm(pathOf(hash), { force: true }),
  };
}

async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

const exists = async (path: string): Promise<boolean> => (await sizeOf(path)) !== null;

/** A renamed file is there after a power cut only if its folder was synced too. */
async function sync(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
