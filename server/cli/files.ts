/** Files, whole or not at all: they are written to temporary names, synced, then renamed. Whatever stops the program in between leaves nothing behind. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Failure } from './failure.ts';

/** Temporary files that exist right now. */
const unfinished = new Set<string>();

/** Removes what `writeFiles` has not finished; for the moment before the process ends. Synchronous. */
export function removeUnfinished(): void {
  for (const file of unfinished) rmSync(file, { force: true });
  unfinished.clear();
}

/**
 * Writes all of the files or, if anything fails, none (files that were there before stay as they were until the end). Folders are made.
 * Throws `Failure` (input) where a name is that of a folder, or the system refuses.
 */
export async function writeFiles(files: readonly { readonly path: string; readonly bytes: Uint8Array }[]): Promise<void> {
  const staged: { readonly path: string; readonly temporary: string }[] = [];
  try {
    for (const { path, bytes } of files) {
      if (existsSync(path) && statSync(path).isDirectory())
        throw new Failure('input', 'file', `cannot write ${path}: it is a folder`, { expected: 'the name of a file' });
      mkdirSync(dirname(resolve(path)), { recursive: true });
      const temporary = join(dirname(resolve(path)), `.${basename(path)}.${randomBytes(6).toString('hex')}.partial`);
      unfinished.add(temporary);
      staged.push({ path, temporary });
      const file = await open(temporary, 'wx');
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
    }
    // In one go: no signal is handled between two of these.
    for (const { path, temporary } of staged) {
      renameSync(temporary, path);
      unfinished.delete(temporary);
    }
  } catch (error) {
    for (const { temporary } of staged) {
      rmSync(temporary, { force: true });
      unfinished.delete(temporary);
    }
    throw fileFailure(error, 'write', files.map(({ path }) => path).join(', '));
  }
  await Promise.all([...new Set(files.map(({ path }) => dirname(resolve(path))))].map(syncFolder));
}

/** Makes the new names last; not every system can. */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && ['EISDIR', 'EPERM', 'EINVAL', 'EACCES'].includes(String(error.code)))) throw error;
  }
}

/** The bytes of a file; throws `Failure` (input) that says what the file was wanted for. */
export async function readWhole(path: string, what: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (error) {
    throw fileFailure(error, `read ${what}`, path);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of the path is no folder',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ENOSPC: 'no space left on the device',
  EROFS: 'the file system is read-only',
};

function fileFailure(error: unknown, action: string, path: string): unknown {
  if (!(error instanceof Error) || !('code' in error) || error instanceof Failure) return error;
  const reason = REASONS[String(error.code)] ?? error.message;
  return new Failure('input', 'file', `cannot ${action} ${path}: ${reason}`, { got: String(error.code), cause: error });
}
