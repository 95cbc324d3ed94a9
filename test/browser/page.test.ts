import { join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumArguments, findChromium } from '../support/chromium.ts';
import { encodeCircuit } from '../../circuits/graph/encoding.ts';
import { prepareProver } from '../../wasm/prove.ts';
import { featureNet } from '../support/circuits.ts';
import { kernelModule, loadKernels } from '../support/kernels.ts';
import { buildPage, type BuiltPage } from '../support/page.ts';
import type { PageActions, ProvingJob } from './page/page.ts';

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

describe('a prover in a page', () => {
  const { circuit, weights, inputs } = featureNet();
  const context = new TextEncoder().encode('a page proves');
  const job: ProvingJob = {
    circuit: [...encodeCircuit(circuit)],
    weights: weights.map((w) => [...w]),
    inputs: inputs.map((x) => [...x]),
    context: [...context],
  };

  it.each([
    ['two threads, isolated', true, 2],
    ['one thread, not isolated, which is what a page gets when it does not say', false, undefined],
  ])('gives the proof that Node gives, byte for byte: %s', async (_, isolated, threads) => {
    const expected = prepareProver(await loadKernels(), circuit, weights).prove(inputs, context);
    const { page, errors } = await open(isolated);
    const { proof, outputs, verdict } = await page.evaluate((job) => (globalThis as InPage).actions.prove(job), {
      ...job,
      ...(threads === undefined ? {} : { threads }),
    });
    expect(Uint8Array.from(proof)).toEqual(expected.proof);
    expect(outputs).toEqual(expected.outputs.map((y) => [...y]));
    expect(verdict).toEqual({ ok: true });
    expect(errors).toEqual([]);
    await page.close();
  });
});
