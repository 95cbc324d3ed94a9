// What is stale: an output carries the fingerprint of the sources it was made from.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '..', '..');

/**
 * SHA-256 over the names and contents of files and folders, given relative to the repository. Missing ones count as absent; folders are
 * walked in name order without hidden entries and built kernels.
 * @param {readonly string[]} sources
 * @returns {string} 64 hex digits
 */
export function fingerprint(sources) {
  const hash = createHash('sha256');
  for (const source of sources) {
    for (const file of filesBelow(source)) {
      const content = readFileSync(join(ROOT, file));
      hash.update(`${file}\0${content.length}\0`).update(content);
    }
  }
  return hash.digest('hex');
}

/**
 * The files of a folder (or the file itself), relative to the repository, sorted.
 * @param {string} path
 * @returns {string[]}
 */
export function filesBelow(path) {
  const absolute = join(ROOT, path);
  if (!existsSync(absolute)) return [];
  if (!statSync(absolute).isDirectory()) return [path];
  return readdirSync(absolute)
    .filter((name) => !name.startsWith('.') && `${path}/${name}` !== 'wasm/kernels/build')
    .sort()
    .flatMap((name) => filesBelow(`${path}/${name}`));
}

/**
 * Whether the outputs exist and `stamp` says that they were made from sources with this fingerprint.
 * @param {string} stamp path of the stamp file, relative to the repository
 * @param {string} print
 * @param {readonly string[]} outputs
 */
export function isFresh(stamp, print, outputs) {
  return [stamp, ...outputs].every((file) => existsSync(join(ROOT, file))) && readFileSync(join(ROOT, stamp), 'utf8') === print;
}
