/** The test page in a real Chromium. */
import { join } from 'node:path';
import { chromium, type Page } from 'playwright-core';
import { expect } from 'vitest';
import { chromiumArguments, findChromium } from '../support/chromium.ts';
import { kernelModule } from '../support/kernels.ts';
import { buildPage } from '../support/page.ts';
import type { PageActions, ProvingJob, ProvingReport } from './page/page.ts';

export type InPage = typeof globalThis & { actions: PageActions };

/** The files of a circuit, its weights, and a proof. */
export interface ProvingFiles {
  readonly circuit: Uint8Array;
  readonly weights: Uint8Array;
  readonly proof: Uint8Array;
}

export interface TestPage {
  /** Opens the page afresh, isolated from other origins or not; what goes wrong in it unseen is in `errors`. */
  open(isolated: boolean): Promise<{ page: Page; errors: string[] }>;
  /**
   * Lets a fresh page prove what `proof` proves, and verify both. Expects the same file, byte for byte, and that both are accepted.
   * `threads`: undefined leaves it to the page.
   */
  expectSameProof(isolated: boolean, threads: number | undefined, files: ProvingFiles): Promise<ProvingReport>;
  close(): Promise<void>;
}

/** Where a page proves: isolated from other origins with threads, and not isolated without. */
export const SETTINGS = [
  ['two threads, isolated', true, 2],
  ['one thread, not isolated, which is what a page gets when it does not say', false, undefined],
] as const;

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

/** Builds the page and starts a browser. */
export async function startTestPage(): Promise<TestPage> {
  await kernelModule();
  const built = await buildPage(join(import.meta.dirname, 'page'));
  const browser = await chromium.launch({ executablePath: findChromium(), args: chromiumArguments() });

  const open: TestPage['open'] = async (isolated) => {
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text());
    });
    await page.goto(await built.serve({ isolated }));
    await page.waitForSelector('html[data-ready]', { state: 'attached' });
    return { page, errors };
  };
  return {
    open,
    async expectSameProof(isolated, threads, { circuit, weights, proof }) {
      const job: ProvingJob = { circuit: base64(circuit), weights: base64(weights), proof: base64(proof), threads };
      const { page, errors } = await open(isolated);
      expect(await page.evaluate(() => (globalThis as InPage).actions.isolated())).toBe(isolated);
      const report = await page.evaluate((own) => (globalThis as InPage).actions.prove(own), job);
      expect(errors).toEqual([]);
      await page.close();
      expect(report.proof === job.proof, 'the same proof file').toBe(true);
      expect(report.verdicts).toMatchObject([{ ok: true }, { ok: true }]);
      return report;
    },
    async close() {
      await browser.close();
      await built.close();
    },
  };
}
