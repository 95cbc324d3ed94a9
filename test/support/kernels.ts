import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { instantiateKernels } from '../../wasm/runtime/instance.ts';
import type { Kernels } from '../../wasm/runtime/kernels.ts';

const ROOT = join(import.meta.dirname, '../..');
const FILES = { release: 'kernels.wasm', debug: 'kernels.debug.wasm' };

/** The kernel module, built if it is stale. */
export async function kernelModule(build: keyof typeof FILES = 'release'): Promise<WebAssembly.Module> {
  await promisify(execFile)(process.execPath, [join(ROOT, 'server/build/main.mjs'), 'kernels']);
  return WebAssembly.compile(await readFile(join(ROOT, 'wasm/kernels/build', FILES[build])));
}

/** Fresh kernels on a memory of their own. */
export async function loadKernels(threads = 1, build: keyof typeof FILES = 'release'): Promise<Kernels> {
  if (threads !== 1) throw new Error('threads are not there yet');
  return instantiateKernels(await kernelModule(build), { threads });
}
