import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Kernels } from '../../wasm/runtime/kernels.ts';
import { nodePlatform } from '../../wasm/runtime/node.ts';
import { startKernels } from '../../wasm/runtime/threads.ts';

const ROOT = join(import.meta.dirname, '../..');
const FILES = { release: 'kernels.wasm', debug: 'kernels.debug.wasm' };

/** The kernel module, built if it is stale. */
export async function kernelModule(build: keyof typeof FILES = 'release'): Promise<WebAssembly.Module> {
  await promisify(execFile)(process.execPath, [join(ROOT, 'server/build/main.mjs'), 'kernels']);
  return WebAssembly.compile(await readFile(join(ROOT, 'wasm/kernels/build', FILES[build])));
}

/** Fresh kernels on a memory of their own, with real threads. `end` stops the threads; they do not keep the process alive. */
export async function loadKernels(
  threads = 1,
  build: keyof typeof FILES = 'release',
): Promise<Kernels & { readonly end: () => Promise<void> }> {
  const { kernels, end } = await startKernels(await kernelModule(build), nodePlatform.startThread, { threads });
  return Object.assign(kernels, { end });
}
