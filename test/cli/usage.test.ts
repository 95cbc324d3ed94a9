import { expect, it, describe } from 'vitest';
import { failing, runCli, runJson } from '../support/cli.ts';

describe('the command line', () => {
  it('shows its commands with --help, and as an error where nothing is asked for', async () => {
    const help = await runCli('--help');
    expect(help).toMatchObject({ code: 0, stderr: '' });
    for (const name of ['compile', 'prove', 'verify', 'run', 'inspect', 'reproduce', 'bench']) expect(help.stdout).toContain(`  ${name}  `);
    expect(await runCli()).toEqual({ ...help, code: 2 });
  });

  it('shows the options of a command', async () => {
    const { code, stdout } = await runCli('verify', '--help');
    expect(code).toBe(0);
    expect(stdout).toContain('USAGE veritab verify [OPTIONS] <PROOF> <MODEL>');
    expect(stdout).toContain('--reference');
  });

  it('says its version', async () => {
    expect((await runCli('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it.each([
    [['prof'], 'Unknown command prof'],
    [['inspect'], 'Missing required positional argument: FILE'],
    [['inspect', 'a', 'b'], '2 arguments, at most 1 are expected'],
    [['inspect', 'a', '--sekurity'], 'there is no option --sekurity'],
    [['prove', 'a', 'b', '--out', 'c', '-o', 'd'], '--out is given twice'],
    [['prove', 'a', 'b'], 'Missing required argument: --out'],
    [['prove', 'a', 'b', '--out'], '--out needs a value'],
    [['prove', 'a', 'b', '--context', '--out', 'c'], '--context needs a value'],
    [['prove', 'a', 'b', '--out=c', '--clip=yes'], '--clip takes no value'],
    [['prove', 'a', 'b', '--out', 'c', '--no-clip'], 'there is no option --no-clip'],
    [['prove', 'a', 'b', '--out', 'c', '--threads', 'two'], '--threads is no number of threads'],
    [['prove', 'a', 'b', '--out', 'c', '--context', 'hex:0g'], 'the context is not hexadecimal'],
  ])('refuses %j', async (args, message) => {
    expect(await failing(...args)).toMatchObject({ exit: 2, code: 'usage', message });
  });

  it('prints one object and nothing else with --json, on failure too', async () => {
    const { code, json } = await runJson('inspect', '/does/not/exist');
    expect(code).toBe(3);
    expect(json).toEqual({
      error: {
        code: 'file',
        message: 'cannot read the file to inspect /does/not/exist: there is no such file',
        expected: null,
        got: 'ENOENT',
        hint: null,
      },
    });
  });

  it('prints failures for people on stderr', async () => {
    const { code, stdout, stderr } = await runCli('inspect', 'a', '--deep');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('error: there is no option --deep\n  expected: --shape, --security, --memory, --threads, --json');
  });
});
