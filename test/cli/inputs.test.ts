import { writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import type { Circuit } from '../../circuits/graph/circuit.ts';
import { readInputs } from '../../server/cli/inputs.ts';
import { temporaryFolder } from '../support/cli.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

/** Of a circuit, what its inputs are: 1 x 2 x 3, real = 0.5 (u8 - 10), so -5 .. 122.5. */
const circuit = {
  inputs: [{ shape: [1, 2, 3], zero: 10 }],
  meaning: { inputs: [{ name: 'x', dims: [1, 1, 2, 3], scale: 0.5, zero: 10, note: '', labels: [] }], outputs: [] },
} as unknown as Circuit;

function place(name: string, content: unknown): string {
  const path = folder.file(name);
  writeFileSync(path, content instanceof Uint8Array ? content : JSON.stringify(content));
  return path;
}

const read = (path: string, options: { quantized?: boolean; clip?: boolean } = {}) =>
  readInputs(circuit, [path], { quantized: false, clip: false, ...options });

describe('inputs', () => {
  it('are raw bytes as they are', async () => {
    expect(await read(place('a.raw', Uint8Array.of(0, 1, 2, 3, 4, 255)))).toEqual([Uint8Array.of(0, 1, 2, 3, 4, 255)]);
  });

  it('are real numbers in JSON, nested or flat, to the nearest byte', async () => {
    const bytes = [Uint8Array.of(0, 10, 11, 12, 10, 255)];
    const rows = [
      [-5, 0, 0.25],
      [0.9, -0.2, 122.7],
    ];
    for (const value of [rows, [rows], [[rows]], rows.flat()]) expect(await read(place('a.json', value))).toEqual(bytes);
  });

  it('are real numbers in .npy', async () => {
    const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }".padEnd(117) + '\n';
    const values = new Uint8Array(Float32Array.of(-5, 0, 0.25, 0.9, -0.2, 122.7).buffer);
    const npy = Buffer.concat([Buffer.from([0x93]), Buffer.from('NUMPY'), Buffer.of(1, 0, header.length, 0), Buffer.from(header), values]);
    expect(await read(place('a.npy', npy))).toEqual([Uint8Array.of(0, 10, 11, 12, 10, 255)]);
    await expect(read(place('a.npy', npy.subarray(0, -1)))).rejects.toThrow('shape 2 x 3 takes 24 bytes, the file has 23');
  });

  it("are the circuit's bytes in JSON with --quantized", async () => {
    expect(await read(place('a.json', [0, 1, 2, 3, 4, 255]), { quantized: true })).toEqual([Uint8Array.of(0, 1, 2, 3, 4, 255)]);
  });

  it('are clipped only on request', async () => {
    const path = place('a.json', [0, 0, 0, 0, 200, -6]);
    await expect(read(path)).rejects.toMatchObject({
      kind: 'input',
      code: 'input-range',
      got: '200',
      expected: expect.stringContaining('-5 .. 122.5'),
    });
    expect(await read(path, { clip: true })).toEqual([Uint8Array.of(10, 10, 10, 10, 255, 0)]);
  });

  it.each<[string, unknown, object, object]>([
    ['b.raw', new Uint8Array(5), {}, { code: 'input-shape', expected: '1 x 1 x 2 x 3 (6 bytes)', got: '5 bytes' }],
    ['b.raw', new Uint8Array(24), {}, { code: 'input-shape', hint: 'real numbers are read from .npy and .json files' }],
    ['b.json', [1, 2, 3], {}, { code: 'input-shape', got: '3 numbers' }],
    [
      'b.json',
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      {},
      { code: 'input-shape', got: '3 x 2 numbers' },
    ],
    [
      'b.json',
      [
        [1, 2, 3],
        [4, 5],
      ],
      {},
      { code: 'input-format', expected: 'a list of 3', got: 'a list of 2' },
    ],
    ['b.json', [1, 2, 3, 4, 5, 'six'], {}, { code: 'input-format', expected: 'a number', got: '"six"' }],
    ['b.json', [1, 2, 3, 4, 5, null], {}, { code: 'input-format', got: 'null' }],
    ['b.json', [1, 2, 3, 4, 5, 256], { quantized: true }, { code: 'input-range', expected: 'an integer in 0 .. 255', got: '256' }],
    ['b.json', [1, 2, 3, 4, 5, 0.5], { quantized: true }, { code: 'input-range', got: '0.5' }],
    ['b.json', new TextEncoder().encode('[1, 2'), {}, { code: 'input-format' }],
    ['b.json', new TextEncoder().encode('[1, 2, 3, 4, 5, 1e999]'), { clip: true }, { code: 'input-range', expected: 'a finite number' }],
  ])('are refused in the wrong shape or range: %s %j', async (name, content, options, failure) => {
    await expect(read(place(name, content), options)).rejects.toMatchObject({ kind: 'input', ...failure });
  });

  it('are as many as the model has', async () => {
    await expect(readInputs(circuit, ['a', 'b'], { quantized: false, clip: false })).rejects.toMatchObject({
      kind: 'usage',
      code: 'input-count',
      expected: '1: x',
      got: '2',
    });
  });
});
