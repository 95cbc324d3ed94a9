/** The coordinator's hotkey, as a file: made at the first start, readable by its owner only. */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ConfigError } from './config.ts';

const EXPECTED = 'a seed of 64 hexadecimal digits, or a Bittensor hotkey file (JSON with "secretSeed")';

/**
 * The 32-byte seed in a file; a new one where there is no such file. Rejects with `ConfigError` where it holds none, or others may read it. Messages never repeat what may be secret.
 * @param source what named the file
 */
export async function hotkeySeed(path: string, source: string): Promise<Uint8Array> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    return newSeed(path, source);
  }
  if (process.platform !== 'win32' && ((await stat(path)).mode & 0o077) !== 0)
    throw new ConfigError(source, `others may read the key in ${path}`, 'mode 600', (((await stat(path)).mode & 0o777) >>> 0).toString(8));
  const seed = seedOf(text.trim()) ?? seedOf(secretSeedOf(text));
  if (seed === null)
    throw new ConfigError(source, `there is no key in ${path}`, EXPECTED, text.trim() === '' ? 'an empty file' : 'something else');
  return seed;
}

async function newSeed(path: string, source: string): Promise<Uint8Array> {
  const seed = new Uint8Array(randomBytes(32));
  await mkdir(dirname(path), { recursive: true });
  try {
    const file = await open(path, 'wx', 0o600);
    try {
      await file.writeFile(`${Buffer.from(seed).toString('hex')}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    // Another process was quicker: its key it is.
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return hotkeySeed(path, source);
    throw error;
  }
  return seed;
}

function seedOf(text: string): Uint8Array | null {
  const [, digits] = /^(?:0x)?([0-9a-f]{64})$/i.exec(text) ?? [];
  return digits === undefined ? null : new Uint8Array(Buffer.from(digits, 'hex'));
}

function secretSeedOf(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && 'secretSeed' in value ? String(value.secretSeed) : '';
  } catch {
    return '';
  }
}
