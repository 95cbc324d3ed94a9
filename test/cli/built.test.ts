import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildCopy } from '../support/built-copy.ts';
import { ended, temporaryFolder, type Ended } from '../support/cli.ts';

const MODEL = join(import.meta.dirname, '../../circuits/models/digits');
const CALIBRATION = readFileSync(join(MODEL, 'calibration.u8'));

const copy = temporaryFolder();
const folder = temporaryFolder();
afterAll(() => {
  copy.remove();
  folder.remove();
});

let command = '';
/** The built files. */
const dist = (path: string): string => join(copy.path, 'dist/node', path);

/** Starts the built command in the temporary folder. */
function start(args: readonly string[], nodeOptions: readonly string[] = []): ChildProcess {
  return spawn(process.execPath, [...nodeOptions, command, ...args], { cwd: folder.path, stdio: ['ignore', 'pipe', 'pipe'] });
}

const run = (...args: string[]): Promise<Ended> => ended(start(args));

beforeAll(async () => {
  const main = await buildCopy(copy.path);
  // as npm links the commands of packages
  mkdirSync(copy.file('bin'));
  command = copy.file('bin/veritab');
  symlinkSync(main, command);
  copyFileSync(join(MODEL, 'digits.onnx'), folder.file('digits.onnx'));
  writeFileSync(folder.file('calibration.u8'), CALIBRATION);
  writeFileSync(folder.file('digit.raw'), CALIBRATION.subarray(37 * 784, 38 * 784));
  const args = ['compile', 'digits.onnx', '--calibrate', 'calibration.u8', '--raw', 'uint8', '--input-range', '0,255', '--out', 'digits'];
  expect(await run(...args)).toMatchObject({ code: 0, stderr: '' });
}, 400_000);

describe('the built command, in a folder of its own', () => {
  it('says its version and its exit codes', async () => {
    const { version } = JSON.parse(readFileSync(copy.file('package.json'), 'utf8')) as { version: string };
    expect(await run('--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
    const { code, stdout } = await run('--help');
    expect(code).toBe(0);
    for (const line of [
      /^ +0 {2}done/m,
      /^ +1 {2}refused/m,
      /^ +2 {2}/m,
      /^ +3 {2}bad input/m,
      /^ +4 {2}/m,
      /^ +70 {2}a fault/m,
      /^ +130 {2}/m,
    ])
      expect(stdout).toMatch(line);
    expect(await run('prove', '--help')).toMatchObject({ code: 0, stdout: expect.stringContaining('--slices'), stderr: '' });
  });

  it('reproduces what it compiled, proves and verifies', async () => {
    expect(await run('reproduce', 'digits.recipe.json')).toMatchObject({ code: 0, stderr: '' });
    expect(await run('prove', 'digits', 'digit.raw', '--out', 'seven.proof')).toMatchObject({ code: 0, stderr: '' });
    const verified = await run('verify', 'seven.proof', 'digits', '--reference', '--json');
    expect(verified).toMatchObject({ code: 0, stderr: '' });
    const { outputs } = JSON.parse(verified.stdout) as { outputs: [{ values: number[] }] };
    expect(outputs[0].values.indexOf(Math.max(...outputs[0].values))).toBe(7);
    const chained = await run('prove', 'digits', 'digit.raw', '--slices', '2', '--out', 'chain.proof');
    expect(chained).toMatchObject({ code: 0, stderr: '' });
    expect(await run('verify', 'chain.proof', 'digits')).toMatchObject({ code: 0, stderr: '' });
  });

  it('ends with the exit code that the help names', async () => {
    const bytes = readFileSync(folder.file('seven.proof'));
    writeFileSync(folder.file('forged.proof'), bytes.with(bytes.length - 100, bytes.at(-100)! ^ 1));
    writeFileSync(folder.file('cut.proof'), bytes.subarray(0, -1));
    const refused = await run('verify', 'forged.proof', 'digits');
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(/^error: the proof is refused: /);
    expect(await run('verify', 'seven.proof')).toMatchObject({ code: 2, stdout: '' });
    expect(await run('verify', 'cut.proof', 'digits')).toMatchObject({ code: 3, stdout: '' });
  });

  it('measures', async () => {
    const { code, stdout } = await run('bench', '--only', 'cnn-264k', '--threads', '1', '--out', 'results.json', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ results: [{ model: 'cnn-264k', threads: 1, weights: 'public' }] });
    expect(JSON.parse(readFileSync(folder.file('results.json'), 'utf8'))).toEqual(JSON.parse(stdout));
    expect(await run('bench', '--only', 'gpt')).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('mnist-cnn, cnn-264k'),
    });
    expect(await run('bench', '--threads', '1,none')).toMatchObject({ code: 2, stdout: '' });
    expect(await run('bench', '--compare', 'digits.circuit')).toMatchObject({ code: 3, stdout: '' });
  });

  it('ends quietly where nobody reads on, and says so where the result cannot be written', async () => {
    const child = start(['inspect', 'digits.circuit']);
    child.stdout!.destroy();
    expect(await ended(child)).toMatchObject({ code: 0, stderr: '' });
    const full = await open('/dev/full', 'w');
    const stuck = spawn(process.execPath, [command, '--help'], { stdio: ['ignore', full.fd, 'pipe'] });
    let stderr = '';
    stuck.stderr!.on('data', (chunk) => (stderr += String(chunk)));
    const code = await new Promise((done) => stuck.on('close', done));
    await full.close();
    expect(code).toBe(3);
    expect(stderr).toContain('cannot write the result: ENOSPC');
  });
});

describe('a fault of the program itself', () => {
  it.each<[string, Uint8Array | null, string]>([
    ['damaged', Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 99), ''],
    ['missing', null, 'is the installation complete?'],
  ])('is no refusal: kernels that are %s end prove and verify with 70', async (_, content, hint) => {
    const kernels = dist('wasm/kernels/build/kernels.wasm');
    renameSync(kernels, `${kernels}.good`);
    try {
      if (content !== null) writeFileSync(kernels, content);
      for (const args of [
        ['prove', 'digits', 'digit.raw', '--out', 'none.proof'],
        ['verify', 'seven.proof', 'digits'],
      ]) {
        const { code, stderr } = await run(...args);
        expect(stderr).toContain('this is a fault of the program itself');
        expect(stderr).toContain(hint);
        expect(code).toBe(70);
        const { error } = JSON.parse((await run(...args, '--json')).stdout) as { error: object };
        expect(error).toMatchObject({ code: 'internal' });
      }
      expect(readdirSync(folder.path).filter((name) => name.includes('none'))).toEqual([]);
    } finally {
      renameSync(`${kernels}.good`, kernels);
    }
  });

  it('is what nobody has caught', async () => {
    const thrower = 'data:text/javascript,process.once("SIGUSR2", () => { throw new Error("out of the blue"); })';
    const child = start(['inspect', placePipe('never')], ['--import', thrower]);
    const end = ended(child);
    const complaint = new Promise((done) => child.stderr!.once('data', done));
    // opens when the command reads
    const pipe = await open(folder.file('never'), 'w');
    child.kill('SIGUSR2');
    await complaint;
    // the process does not end while one of its threads waits for the pipe
    await pipe.close();
    const { code, stderr } = await end;
    expect(stderr).toContain('error: out of the blue\nthis is a fault of the program itself');
    expect(code).toBe(70);
  });
});

/** A named pipe: who reads it waits until somebody writes. */
function placePipe(name: string): string {
  execFileSync('mkfifo', [folder.file(name)]);
  return name;
}

/** Writes all of a pipe's content as soon as a process wants it: then that process has read it and goes on. */
async function feed(name: string, content: Uint8Array): Promise<void> {
  const pipe = await open(folder.file(name), 'w');
  await pipe.writeFile(content);
  await pipe.close();
}

describe('a command that is interrupted', () => {
  const INTERRUPTED = [
    [
      'compile',
      'samples',
      CALIBRATION,
      ['compile', 'digits.onnx', '--calibrate', 'samples', '--raw', 'uint8', '--ranges', 'auto', '--out', 'half/model'],
    ],
    [
      'compile --committed',
      'more',
      CALIBRATION,
      ['compile', 'digits.onnx', '--calibrate', 'more', '--raw', 'uint8', '--committed', '--out', 'half/model'],
    ],
    ['prove', 'input', CALIBRATION.subarray(0, 784), ['prove', 'digits', 'input', '--out', 'half/a.proof']],
    ['prove --slices', 'again', CALIBRATION.subarray(0, 784), ['prove', 'digits', 'again', '--slices', '3', '--out', 'half/a.proof']],
  ] as const;

  it.each(INTERRUPTED)('ends with 130 and leaves nothing behind: %s', async (_, pipe, content, args) => {
    placePipe(pipe);
    const before = readdirSync(folder.path);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      const child = start(args);
      const end = ended(child);
      await feed(pipe, content);
      child.kill(signal);
      expect(await end).toEqual({ code: 130, stdout: '', stderr: '' });
      expect(readdirSync(folder.path)).toEqual(before);
    }
  });

  it('takes what it measures with along', async () => {
    const child = start(['bench', '--only', 'cnn-264k', '--threads', '1']);
    const end = ended(child);
    await new Promise((done) => child.stderr!.once('data', done));
    child.kill('SIGINT');
    // the pipes close when the last process that has them ends
    expect(await end).toMatchObject({ code: 130, stdout: '' });
  });

  it('can be stopped in the middle of a long computation too', async () => {
    const script = `
      import { writeSync } from 'node:fs';
      import { stopOnSignals, stoppable } from ${JSON.stringify(dist('server/cli/signals.js'))};
      stopOnSignals();
      stoppable(() => { writeSync(1, 'computing'); for (;;); });`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((done) => child.stdout.once('data', done));
    const end = new Promise((done) => child.once('exit', (code, signal) => done({ code, signal })));
    child.kill('SIGINT');
    expect(await end).toEqual({ code: null, signal: 'SIGINT' });
  });
});
