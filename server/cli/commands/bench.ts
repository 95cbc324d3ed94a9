/** `veritab bench`: measures proofs, in a process of its own in which nothing else has been loaded or optimized. The measuring is in ../bench. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BenchReport } from '../bench/report.ts';
import { SUBJECTS } from '../bench/subjects.ts';
import { command, threadsOf, type Result } from '../command.ts';
import { EXIT, Failure } from '../failure.ts';
import { readWhole, writeFiles } from '../files.ts';
import { checkFields, isListOf, isObject, parseJsonFile } from '../json-file.ts';

const PROGRAM = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? '../bench/main.ts' : '../bench/main.js', import.meta.url));

export const bench = command({
  meta: { name: 'bench', description: 'Measure proofs of public and generated models' },
  args: {
    only: { type: 'string', valueHint: 'model', description: 'One model; by default all' },
    threads: { type: 'string', valueHint: 'n,...', description: 'Numbers of threads; by default 1,2' },
    out: { type: 'string', alias: 'o', valueHint: 'file', description: 'Where the results go, as JSON' },
    compare: { type: 'string', valueHint: 'file', description: 'Earlier results, to print ratios to' },
  },
  async run({ only, threads, out, compare }, terminal): Promise<Result> {
    const names = [...new Set(SUBJECTS.map(({ model }) => model))];
    if (only !== undefined && !names.includes(only))
      throw new Failure('usage', 'usage', '--only names no model of the benchmark', { expected: names.join(', '), got: only });
    threads?.split(',').forEach((item) => threadsOf(item));
    if (compare !== undefined) {
      const earlier = parseJsonFile('results', 'bench', await readWhole(compare, 'the earlier results'));
      checkFields('results', earlier, [['results', isListOf(isObject), 'a list of measurements']]);
    }

    const folder = mkdtempSync(join(tmpdir(), 'veritab-bench-'));
    const remove = (): void => rmSync(folder, { recursive: true, force: true });
    process.once('exit', remove);
    try {
      const file = join(folder, 'results.json');
      const options = Object.entries({ only, threads, compare, json: file });
      const given = options.flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`]));
      const text = await measured(given, terminal.json);
      const bytes = new Uint8Array(readFileSync(file));
      if (out !== undefined) await writeFiles([{ path: out, bytes }]);
      return { text, json: { ...(JSON.parse(new TextDecoder().decode(bytes)) as BenchReport) } };
    } finally {
      process.off('exit', remove);
      remove();
    }
  },
});

/** What the program prints. It ends with this process. */
function measured(options: readonly string[], quiet: boolean): Promise<string> {
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, [...process.execArgv, PROGRAM, ...options], {
      stdio: ['ignore', 'pipe', quiet ? 'ignore' : 'inherit'],
    });
    const end = (): void => void child.kill();
    process.once('exit', end);
    let text = '';
    child.stdout.on('data', (chunk) => (text += String(chunk)));
    child.on('error', failed);
    child.on('close', (code, signal) => {
      process.off('exit', end);
      if (code === EXIT.done) done(text.trim());
      else failed(new Failure('bug', 'internal', `measuring ended with ${signal ?? `exit code ${code}`}`));
    });
  });
}
