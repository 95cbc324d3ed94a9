/** One process at a time in a folder: its files would not survive two databases. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/** Folders that this process has locked. */
const own = new Set<string>();

/**
 * Takes a folder, which must exist; returns what gives it back. A process that ended without that, however, holds nothing.
 * @throws where another process that runs, or this one, has taken it
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const path = join(resolve(folder), 'lock');
  if (own.has(path)) throw new Error(`${folder} is already open in this process`);
  own.add(path);
  try {
    await take(path, folder);
  } catch (error) {
    own.delete(path);
    throw error;
  }
  return async () => {
    await rm(path, { force: true });
    own.delete(path);
  };
}

async function take(path: string, folder: string): Promise<void> {
  const mine = `${process.pid} ${await birthOf(process.pid)}\n`;
  for (let tries = 0; tries < 2; tries++) {
    try {
      await writeFile(path, mine, { flag: 'wx', mode: 0o600 });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const [pid = 0, birth] = (await readFile(path, 'utf8').catch(() => '')).trim().split(' ').map(Number);
    if (pid > 0 && pid !== process.pid && isRunning(pid) && (await birthOf(pid)) === birth)
      throw new Error(
        `${folder} is in use by process ${pid}: one coordinator at a time uses a data folder (if that is none, remove ${path})`,
      );
    await rm(path, { force: true });
  }
  throw new Error(`${folder} is being opened by another process`);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** When a process began, in ticks since the machine did, so that a number that was given again is not mistaken; 0 where the system does not say. */
async function birthOf(pid: number): Promise<number> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // Field 22; the name, field 2, may have blanks, but ends at the last parenthesis.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  } catch {
    return 0;
  }
}
