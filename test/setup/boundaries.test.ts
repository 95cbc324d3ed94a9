import { join, resolve } from 'node:path';
import { ESLint } from 'eslint';
import tseslint from 'typescript-eslint';
import { describe, expect, test } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const RULES = ['import-x/no-restricted-paths', '@typescript-eslint/no-restricted-imports', 'no-restricted-globals', 'no-restricted-syntax'];

/** The project's configuration without the rules that need types: the files below exist only in memory. */
const eslint = new ESLint({
  cwd: ROOT,
  overrideConfig: tseslint.configs.disableTypeChecked,
  ruleFilter: ({ ruleId }) => RULES.includes(ruleId),
});

/** Which boundary rules a line of code in a file breaks. */
async function broken(file: string, code: string): Promise<(string | null)[]> {
  const [result] = await eslint.lintText(`${code}\n`, { filePath: join(ROOT, file) });
  return result!.messages.map(({ ruleId }) => ruleId);
}

const PATHS = ['import-x/no-restricted-paths'];
const NODE = ['@typescript-eslint/no-restricted-imports'];

describe('rooms', () => {
  test.each([
    ['circuits/execute/x.ts', '../../wasm/parameters.ts'],
    ['circuits/execute/x.ts', '../../test/support/models.ts'],
    ['wasm/lookup/x.ts', '../../server/build/fingerprint.mjs'],
    ['wasm/lookup/x.ts', '../../test/support/models.ts'],
    ['wasm/reference/x.ts', '../runtime/kernels.ts'],
    ['server/dispatch/x.ts', '../../wasm/parameters.ts'],
    ['server/dispatch/x.ts', '../../test/support/models.ts'],
    ['server/cli/x.ts', '../../test/support/models.ts'],
    ['web/client/x.ts', '../../wasm/parameters.ts'],
    ['web/client/x.ts', '../../server/build/fingerprint.mjs'],
    ['web/client/x.ts', '../../test/support/models.ts'],
  ])('%s may not import %s', async (file, target) => {
    expect(await broken(file, `export * from '${target}';`)).toEqual(PATHS);
    expect(await broken(file, `export const later = import('${target}');`)).toEqual(PATHS);
    expect(await broken(file, `import type { X } from '${target}';\nexport type { X };`)).toEqual(PATHS);
  });

  test.each([
    ['circuits/execute/x.ts', '../graph/circuit.ts'],
    ['wasm/lookup/x.ts', '../../circuits/graph/circuit.ts'],
    ['wasm/lookup/x.ts', '../parameters.ts'],
    ['wasm/reference/x.ts', '../parameters.ts'],
    ['wasm/reference/x.ts', '../../circuits/graph/circuit.ts'],
    ['server/dispatch/x.ts', '../../wasm/runtime/kernels.ts'],
    ['server/dispatch/x.ts', '../../circuits/graph/circuit.ts'],
    ['web/client/x.ts', '../../wasm/runtime/kernels.ts'],
    ['test/wasm/x.ts', '../../wasm/parameters.ts'],
  ])('%s may import %s', async (file, target) => {
    expect(await broken(file, `export * from '${target}';`)).toEqual([]);
  });
});

describe('platforms', () => {
  test.each(['circuits/execute/x.ts', 'wasm/lookup/x.ts', 'wasm/reference/x.ts', 'wasm/runtime/browser.ts', 'web/miner/x.ts'])(
    '%s may not use Node',
    async (file) => {
      for (const name of ['node:fs', 'fs', 'fs/promises']) expect(await broken(file, `export * from '${name}';`)).toEqual(NODE);
      expect(await broken(file, 'export const a = process.pid;')).toEqual(['no-restricted-globals']);
      expect(await broken(file, 'export const a = Buffer.alloc(1);')).toEqual(['no-restricted-globals']);
    },
  );

  test.each(['wasm/runtime/node.ts', 'wasm/inference/node.ts', 'circuits/models/digits/train.ts', 'server/api/x.ts', 'test/x.ts'])(
    '%s may use Node',
    async (file) => {
      expect(await broken(file, `export * from 'node:fs';\nexport const a = Buffer.alloc(process.pid);`)).toEqual([]);
    },
  );

  test('nobody asks which platform it is', async () => {
    expect(await broken('wasm/runtime/x.ts', `export const page = typeof window !== 'undefined';`)).toEqual(['no-restricted-syntax']);
  });

  test('of packages, the reference verifier imports @noble/hashes only', async () => {
    expect(await broken('wasm/reference/x.ts', `export * from '@noble/hashes/blake3.js';`)).toEqual([]);
    expect(await broken('wasm/reference/x.ts', `export * from 'comlink';`)).toEqual(NODE);
  });
});
