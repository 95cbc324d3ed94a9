/** The command line in tests: in this process, or as a process of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Writable } from 'node:stream';
import { encodeCircuitFile } from '../../circuits/graph/file.ts';
import { encodeWeightsFile } from '../../circuits/graph/weights-file.ts';
import { runProgram } from '../../server/cli/program.ts';
import type { Sample } from './circuit-draft.ts';

const ROOT = resolve(import.meta.dirname, '../..');

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line in this process. */
export async function runCli(...args: string[]): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  const code = await runProgram(args, {
    stdout: { write: (text) => (stdout += text) },
    stderr: new Writable({
      write(chunk, _, done) {
        stderr += String(chunk);
        done();
      },
    }),
  });
  return { code, stdout, stderr };
}

export interface ErrorObject {
  readonly error: Readonly<Record<'code' | 'message' | 'expected' | 'got' | 'hint', string | null>>;
}

/** Runs a command line with `--json`; what it prints, and its exit code. */
export async function runJson(...args: string[]): Promise<{ readonly code: number | null; readonly json: Record<string, unknown> }> {
  const { code, stdout, stderr } = await runCli(...args, '--json');
  if (stderr !== '') throw new Error(`stderr: ${stderr}`);
  return { code, json: JSON.parse(stdout) as Record<string, unknown> };
}

/** Runs a command line that must fail; its exit code and error. */
export async function failing(...args: string[]): Promise<ErrorObject['error'] & { readonly exit: number | null }> {
  const { code, json } = await runJson(...args);
  if (!('error' in json)) throw new Error(`it did not fail: ${JSON.stringify(json)}`);
  return { exit: code, ...(json as unknown as ErrorObject).error };
}

/** Starts the real program from its sources. */
export function spawnCli(args: readonly string[], options: { readonly cwd?: string } = {}): ChildProcess {
  const loader = import.meta.resolve('tsx');
  return spawn(process.execPath, ['--import', loader, join(ROOT, 'server/cli/main.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...options,
  });
}

/** What a process prints until it ends. */
export function ended(child: ChildProcess): Promise<Ended> {
  return new Promise((done, failed) => {
    let stdout = '';
    let stderr = '';
    child.stdout!.on('data', (chunk) => (stdout += String(chunk)));
    child.stderr!.on('data', (chunk) => (stderr += String(chunk)));
    child.on('error', failed);
    child.on('close', (code) => done({ code, stdout, stderr }));
  });
}

/** A folder of a test's own, and its end. */
export function temporaryFolder(): { readonly path: string; readonly file: (name: string) => string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'veritab-test-'));
  return { path, file: (name) => join(path, name), remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Writes a model's files and its inputs as raw bytes; gives the model's name and the inputs' paths. */
export function placeSample(folder: string, name: string, { circuit, weights, inputs }: Sample): { model: string; inputs: string[] } {
  const model = join(folder, name);
  writeFileSync(`${model}.circuit`, encodeCircuitFile(circuit));
  writeFileSync(`${model}.weights`, encodeWeightsFile(weights));
  const paths = inputs.map((_, n) => join(folder, `${name}-${n}.raw`));
  inputs.forEach((bytes, n) => writeFileSync(paths[n]!, bytes));
  return { model, inputs: paths };
}
