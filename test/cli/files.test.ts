import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readWhole, removeUnfinished, writeFiles } from '../../server/cli/files.ts';
import { temporaryFolder } from '../support/cli.ts';

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

describe('files are written whole or not at all', () => {
  it('writes all of them, makes folders, replaces what was there, and leaves nothing else', async () => {
    writeFileSync(folder.file('a'), 'old');
    await writeFiles([
      { path: folder.file('a'), bytes: bytes(1, 2) },
      { path: folder.file('new/deep/b'), bytes: bytes(3) },
    ]);
    expect([...readFileSync(folder.file('a'))]).toEqual([1, 2]);
    expect([...readFileSync(folder.file('new/deep/b'))]).toEqual([3]);
    expect(readdirSync(folder.path, { recursive: true }).sort()).toEqual(['a', 'new', 'new/deep', 'new/deep/b']);
  });

  it('writes none where one of them cannot be written', async () => {
    writeFileSync(folder.file('a'), 'old');
    mkdirSync(folder.file('b'));
    const files = ['a', 'b'].map((name) => ({ path: folder.file(name), bytes: bytes(1) }));
    await expect(writeFiles(files)).rejects.toMatchObject({
      kind: 'input',
      code: 'file',
      message: expect.stringContaining('it is a folder'),
    });
    expect(readFileSync(folder.file('a'), 'utf8')).toBe('old');
    expect(readdirSync(folder.path).sort()).toEqual(['a', 'b']);
  });

  it('says that a part of the path is a file', async () => {
    writeFileSync(folder.file('a'), '');
    await expect(writeFiles([{ path: folder.file('a/b'), bytes: bytes(1) }])).rejects.toMatchObject({ kind: 'input', code: 'file' });
    expect(readdirSync(folder.path)).toEqual(['a']);
  });

  it('leaves nothing behind when it is stopped half-way', async () => {
    const writing = writeFiles([{ path: folder.file('big'), bytes: new Uint8Array(2 ** 24) }]);
    const isUnderWay = (): boolean => readdirSync(folder.path).some((name) => name.endsWith('.partial'));
    while (!isUnderWay()) await new Promise((resolve) => setImmediate(resolve));
    removeUnfinished();
    expect(readdirSync(folder.path)).toEqual([]);
    // The process would have ended here; in a test the write goes on, and finds its file gone.
    await expect(writing).rejects.toMatchObject({ code: 'file' });
    expect(readdirSync(folder.path)).toEqual([]);
  });
});

it('says which file cannot be read, what for, and why', async () => {
  await expect(readWhole(folder.file('x'), 'the circuit')).rejects.toThrow(
    `cannot read the circuit ${folder.file('x')}: there is no such file`,
  );
  await expect(readWhole(folder.path, 'the circuit')).rejects.toThrow('it is a folder');
});
