/**
 * `npm test`: types, lint, format, the kernels' build, a browser, then all tests. The last line says `N passed, N failed`, each check counting as one.
 *
 *   npm test                    everything but long tests
 *   npm test -- PATTERN ...     the kernels, and the test files that match; other arguments go to vitest too (-t NAME)
 *   npm run test:long           everything, long tests (*.long.test.ts) too
 *
 * A skipped test is listed as not run, with the reason. Under `CI` it counts as failed.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { findChromium } from './support/chromium.ts';
import { summarize, type VitestReport } from './support/summary.ts';

const ROOT = resolve(import.meta.dirname, '..');

const args = process.argv.slice(2);
const long = args.includes('--long');
const vitestArguments = args.filter((argument) => argument !== '--long');
const CI = Boolean(process.env.CI);

let passed = 0;
const failures: string[] = [];

/** Checks before the tests: each lane runs its own one after the other, beside the other lane. */
const lanes: (readonly [name: string, script: string, ...args: string[]])[][] = [
  [
    ['kernels', 'server/build/main.mjs', 'kernels'],
    ['types', 'node_modules/typescript/bin/tsc', '-p', 'tsconfig.json'],
    ['format', 'node_modules/prettier/bin/prettier.cjs', '--check', '.'],
  ],
  [['lint', 'node_modules/eslint/bin/eslint.js', '--max-warnings', '0', '.']],
];
await Promise.all(
  lanes.map(async (lane) => {
    for (const [name, script, ...rest] of lane) {
      if (vitestArguments.length > 0 && name !== 'kernels') continue;
      const { code, output } = await runQuietly(script, rest);
      console.log(`\n--- ${name}\n${output}`.trimEnd());
      if (code === 0) passed++;
      else failures.push(name);
    }
  }),
);

if (vitestArguments.length === 0) {
  // before the tests, which run side by side: only one of them could install it
  console.log('\n--- browser');
  try {
    console.log(findChromium());
    passed++;
  } catch (error) {
    console.error(error);
    failures.push('browser');
  }
}

console.log('\n--- tests');
const folder = mkdtempSync(join(tmpdir(), 'veritab-test-'));
try {
  const file = join(folder, 'report.json');
  const exitCode = await run(
    'node_modules/vitest/vitest.mjs',
    ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${file}`, ...vitestArguments],
    long ? { VERITAB_LONG: '1' } : {},
  );
  const summary = summarize(readReport(file), exitCode, (path) => relative(ROOT, path));
  passed += summary.passed;
  failures.push(...summary.failures);
  for (const { name, reason } of summary.notRun) {
    console.log(`not run: ${name}: ${reason}`);
    if (CI) failures.push(`${name} (not run)`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

if (failures.length > 0) console.log(`\nfailed:\n${failures.map((name) => `  ${name}`).join('\n')}`);
console.log(`\n${passed} passed, ${failures.length} failed`);
process.exitCode = failures.length === 0 ? 0 : 1;

/** Runs a script of the repository with our output; resolves to its exit code, -1 if a signal ended it. */
function run(script: string, rest: readonly string[], environment: Record<string, string> = {}): Promise<number> {
  return new Promise((done, reject) => {
    const child = spawn(process.execPath, [script, ...rest], {
      cwd: ROOT,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, ...environment },
    });
    child.on('error', reject);
    child.on('close', (code) => done(code ?? -1));
  });
}

/** As `run`, with the output kept until the end: two scripts at a time would write into each other's. */
function runQuietly(script: string, rest: readonly string[]): Promise<{ code: number; output: string }> {
  return new Promise((done, reject) => {
    const child = spawn(process.execPath, [script, ...rest], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.on('error', reject);
    child.on('close', (code) => done({ code: code ?? -1, output }));
  });
}

/** The report, or null where vitest ended before it wrote one. */
function readReport(file: string): VitestReport | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as VitestReport;
  } catch {
    return null;
  }
}
