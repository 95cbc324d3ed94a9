// The pages: dist/web, built by vite as vite.config.ts says.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fingerprint, isFresh, ROOT } from './fingerprint.mjs';
import { buildKernels } from './kernels.mjs';
import { runNode } from './process.mjs';

const STAMP = 'dist/web.sha256';

/**
 * @param {{ force?: boolean }} [options]
 * @returns {Promise<boolean>} whether anything was built
 */
export async function buildWeb({ force = false } = {}) {
  if (!existsSync(join(ROOT, 'web/pages'))) return false;
  await buildKernels();
  const print = fingerprint(['web', 'wasm', 'circuits', 'server/wire', 'vite.config.ts', 'package-lock.json']);
  if (!force && isFresh(STAMP, print, ['dist/web'])) return false;
  await runNode('vite/bin/vite.js', ['build']);
  writeFileSync(join(ROOT, STAMP), print);
  return true;
}
