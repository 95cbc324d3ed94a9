// The rooms as JavaScript: dist/node, which mirrors the repository, with the kernels, the built-in models' data and the database's migrations beside their code.
import { copyFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { filesBelow, fingerprint, isFresh, ROOT } from './fingerprint.mjs';
import { buildKernels, KERNEL_MODULES } from './kernels.mjs';
import { runNode } from './process.mjs';

const ROOMS = ['circuits', 'wasm', 'server', 'web/client', 'web/miner'];
const STAMP = 'dist/node.sha256';

/**
 * @param {{ force?: boolean }} [options]
 * @returns {Promise<boolean>} whether anything was built
 */
export async function buildNode({ force = false } = {}) {
  await buildKernels();
  const print = fingerprint([...ROOMS, 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json']);
  if (!force && isFresh(STAMP, print, ['dist/node'])) return false;

  const output = `dist/.node-${process.pid}`;
  try {
    await runNode('typescript/bin/tsc', ['-p', 'tsconfig.build.json', '--outDir', output]);
    const data = ['circuits/models', 'server/store/migrations'].flatMap(filesBelow).filter((file) => !/\.(ts|mjs|md)$/.test(file));
    for (const file of [...Object.values(KERNEL_MODULES), ...data]) {
      mkdirSync(join(ROOT, output, dirname(file)), { recursive: true });
      copyFileSync(join(ROOT, file), join(ROOT, output, file));
    }
    rmSync(join(ROOT, 'dist/node'), { recursive: true, force: true });
    renameSync(join(ROOT, output), join(ROOT, 'dist/node'));
    writeFileSync(join(ROOT, STAMP), print);
  } finally {
    rmSync(join(ROOT, output), { recursive: true, force: true });
  }
  return true;
}
