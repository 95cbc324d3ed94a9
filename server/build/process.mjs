import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from './fingerprint.mjs';

/**
 * Runs a script of an installed package in the repository, its output going to ours.
 * @param {string} script path below node_modules
 * @param {readonly string[]} args
 * @returns {Promise<void>} rejects if the exit code is not 0
 */
export function runNode(script, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(ROOT, 'node_modules', script), ...args], {
      cwd: ROOT,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`${script} ended with ${signal ?? `exit code ${code}`}`));
    });
  });
}
