import { join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { goldenFiles } from '../golden/files.ts';
import { chromiumArguments, findChromium } from '../support/chromium.ts';
import { kernelModule } from '../support/kernels.ts';
import { buildPage, type BuiltPage } from '../support/page.ts';
import type { PageActions, ProvingJob, ProvingReport } from './page/page.ts';

let built: BuiltPage;
let browser: Browser;
beforeAll(async () => {
  await kernelModule();
  built = await buildPage(join(import.meta.dirname, 'page'));
  browser = await chromium.launch({ executablePath: findChromium(), args: chromiumArguments() });
});
afterAll(async () => {
  await browser.close();
  await built.close();
});

/** The test page, freshly opened; what goes wrong in it unseen fails the test that looks at `errors`. */
async function open(isolated: boolean): Promise<{ page: Page; errors: string[] }> {
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  await page.goto(await built.serve({ isolated }));
  await page.waitForSelector('html[data-ready]', { state: 'attached' });
  return { page, errors };
}

type InPage = typeof globalThis & { actions: PageActions };

describe('kernels in a page', () => {
  it('share their work among two threads where the page is isolated from other origins', async () => {
    const { page, errors } = await open(true);
    expect(await page.evaluate(() => (globalThis as InPage).actions.isolated())).toBe(true);
    const report = await page.evaluate(() => (globalThis as InPage).actions.kernels(2, 2000, 16384));
    expect(report.handled).toBe(16384);
    expect(report.calls.reduce((a, b) => a + b)).toBe(2000 * 8);
    expect(report.calls.every((calls) => calls > 0)).toBe(true);
    expect(errors).toEqual([]);
    await page.close();
  });

  it('work on one thread where it is not, and say why two are not possible', async () => {
    const { page, errors } = await open(false);
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

/** Lets a fresh page prove and verify. */
async function proveInPage(isolated: boolean, job: ProvingJob): Promise<ProvingReport> {
  const { page, errors } = await open(isolated);
  const report = await page.evaluate((job) => (globalThis as InPage).actions.prove(job), job);
  expect(errors).toEqual([]);
  await page.close();
  return report;
}

describe('a prover in a page gives the golden proof, byte for byte, and a verifier there accepts it', () => {
  it.each(
    goldenFiles().flatMap(({ name, circuit, weights, proof }) =>
      [
        ['two threads, isolated', true, 2] as const,
        ['one thread, not isolated, which is what a page gets when it does not say', false, undefined] as const,
      ].map(([where, isolated, threads]) => [name, where, isolated, { circuit, weights, proof, threads }] as const),
    ),
  )('%s: %s', async (_, _where, isolated, { circuit, weights, proof, threads }) => {
    const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
    const job = { circuit: base64(circuit), weights: base64(weights), proof: base64(proof), threads };
    const report = await proveInPage(isolated, job);
    expect(report.proof).toBe(job.proof);
    expect(report.verdicts).toMatchObject([{ ok: true }, { ok: true }]);
  });
});
