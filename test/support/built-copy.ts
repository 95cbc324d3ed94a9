/** The repository, copied and built elsewhere: tests that run what is built disturb neither `dist/` nor each other. */
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { kernelModule } from './kernels.ts';

const ROOT = join(import.meta.dirname, '../..');
const ROOMS = ['circuits', 'wasm', 'server', 'web'];

/**
 * Copies the sources into a folder, builds them as `npm run build` does for Node, but for the types, which `npm test` checks by itself, and leaves beside what was built the packages that
 * `npm ci --omit=dev` would install, and no others.
 * @returns the path of the command, `dist/node/server/cli/main.js`
 */
export async function buildCopy(folder: string): Promise<string> {
  await kernelModule();
  for (const room of ROOMS) if (existsSync(join(ROOT, room))) cpSync(join(ROOT, room), join(folder, room), { recursive: true });
  for (const file of readdirSync(ROOT).filter((name) => /^(package|package-lock|tsconfig.*)\.json$/.test(name)))
    cpSync(join(ROOT, file), join(folder, file));
  renameSync(join(folder, 'tsconfig.build.json'), join(folder, 'tsconfig.checked.json'));
  const unchecked = { extends: './tsconfig.checked.json', compilerOptions: { noCheck: true, declaration: false } };
  writeFileSync(join(folder, 'tsconfig.build.json'), JSON.stringify(unchecked));
  const modules = join(folder, 'node_modules');
  symlinkSync(join(ROOT, 'node_modules'), modules);
  try {
    await promisify(execFile)(process.execPath, [join(folder, 'server/build/main.mjs'), 'kernels', 'node'], { cwd: folder });
  } catch (error) {
    // the compiler complains on stdout
    throw new Error(`the build failed: ${(error as { stdout?: string }).stdout ?? ''}`, { cause: error });
  }

  rmSync(modules);
  const { dependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { dependencies: Record<string, string> };
  for (const name of Object.keys(dependencies)) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  }
  for (const room of ROOMS) rmSync(join(folder, room), { recursive: true, force: true });
  return join(folder, 'dist/node/server/cli/main.js');
}
