import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { goldenFiles } from '../golden/files.ts';
import { SETTINGS, startTestPage, type InPage, type TestPage } from './test-page.ts';

let test: TestPage | undefined;
beforeAll(async () => {
  test = await startTestPage();
});
afterAll(() => test?.close());

describe('kernels in a page', () => {
  it('share their work among two threads where the page is isolated from other origins', async () => {
    const { page, errors } = await test!.open(true);
    expect(await page.evaluate(() => (globalThis as InPage).actions.isolated())).toBe(true);
    const report = await page.evaluate(() => (globalThis as InPage).actions.kernels(2, 2000, 16384));
    expect(report.handled).toBe(16384);
    expect(report.calls.reduce((a, b) => a + b)).toBe(2000 * 8);
    expect(report.calls.every((calls) => calls > 0)).toBe(true);
    expect(errors).toEqual([]);
    await page.close();
  });

  it('work on one thread where it is not, and say why two are not possible', async () => {
    const { page, errors } = await test!.open(false);
    expect(await page.evaluate(() => (globalThis as InPage).actions.isolated())).toBe(false);
    const report = await page.evaluate(() => (globalThis as InPage).actions.kernels(1, 200, 5000));
    expect(report).toMatchObject({ handled: 5000, calls: [200] });
    await expect(page.evaluate(() => (globalThis as InPage).actions.kernels(2, 1, 1))).rejects.toThrow(
      'kernel thread 1 cannot join: its memory cannot be shared',
    );
    expect(errors).toEqual([]);
    await page.close();
  });
});

describe.each(SETTINGS)('a prover in a page (%s)', (_, isolated, threads) => {
  it.each(goldenFiles().map((files) => [files.name, files] as const))(
    'gives the golden proof of the %s, byte for byte, and a verifier there accepts it',
    async (_name, files) => {
      await test!.expectSameProof(isolated, threads, files);
    },
  );
});
