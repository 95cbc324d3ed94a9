// wasm/kernels/*.ts -> wasm/kernels/build/kernels.wasm (release) and kernels.debug.wasm (assertions, names).
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fingerprint, isFresh, ROOT } from './fingerprint.mjs';
import { runNode } from './process.mjs';

const FOLDER = 'wasm/kernels/build';
const STAMP = `${FOLDER}/sources.sha256`;

/** The built modules and the target of asconfig.json each is made by. */
export const KERNEL_MODULES = { release: `${FOLDER}/kernels.wasm`, debug: `${FOLDER}/kernels.debug.wasm` };

/**
 * Compiles both modules unless they are fresh. Safe to run twice at the same time: modules appear complete or not at all.
 * @param {{ force?: boolean }} [options]
 * @returns {Promise<boolean>} whether anything was built
 * @throws if the compiler reports an error; the modules of the last good build stay, marked stale
 */
export async function buildKernels({ force = false } = {}) {
  const print = fingerprint(['wasm/kernels', 'node_modules/assemblyscript/package.json']);
  if (!force && isFresh(STAMP, print, Object.values(KERNEL_MODULES))) return false;

  mkdirSync(join(ROOT, FOLDER), { recursive: true });
  const temporary = mkdtempSync(join(ROOT, FOLDER, '.compile-'));
  try {
    await Promise.all(
      Object.keys(KERNEL_MODULES).map((target) =>
        runNode('assemblyscript/bin/asc.js', [
          '--config',
          'wasm/kernels/asconfig.json',
          '--target',
          target,
          '--outFile',
          join(temporary, `${target}.wasm`),
        ]),
      ),
    );
    for (const [target, file] of Object.entries(KERNEL_MODULES)) renameSync(join(temporary, `${target}.wasm`), join(ROOT, file));
    writeFileSync(join(ROOT, STAMP), print);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return true;
}
