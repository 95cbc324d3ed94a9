/** The Verify page against real proofs: what it claims, when, and what it refuses. */
import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Page } from 'playwright-core';
import { decodeBundle, encodeBundle, type Bundle } from '../../server/wire/bundle.ts';
import { buildPages, type Pages } from '../support/pages.ts';
import { startSmallCoordinator, type SmallCoordinator } from '../support/small-coordinator.ts';
import { draw } from './drawing.ts';

let pages: Pages;
let coordinator: SmallCoordinator;
beforeAll(async () => {
  pages = await buildPages();
  coordinator = await startSmallCoordinator(pages.folder);
});
afterAll(async () => {
  await coordinator.close();
  await pages.close();
});
afterEach(() => {
  coordinator.tamper = (bundle) => bundle;
  coordinator.beforeSlice = async () => undefined;
  coordinator.problem = null;
});

const prove = (page: Page) => page.getByRole('button', { name: 'Prove', exact: true }).click();
const headline = (page: Page) => page.locator('.headline .words').innerText();
const firstLabel = (page: Page) => page.locator('.bars .bar-row.first').innerText();
const settled = (page: Page) => page.locator('.headline.verified, .headline.refused').waitFor();
const icon = async (page: Page) => decodeURIComponent((await page.locator('link[rel=icon]').getAttribute('href'))!);

/** Opens the page and asks for a sample digit, in so many slices. */
async function asked(slices: 1 | 3, url = coordinator.url): Promise<{ page: Page; errors: string[] }> {
  const opened = await pages.open(url);
  const { page } = opened;
  await page.getByLabel('Proven in').selectOption(String(slices));
  await page.getByRole('button', { name: 'Sample 5' }).click();
  await prove(page);
  return opened;
}

describe('the Verify page', () => {
  it('shows a drawn digit’s answer as claimed, then as proven once this tab has checked it', async () => {
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    coordinator.beforeSlice = async (slice) => (slice === 1 ? gate : undefined);
    const { page, errors } = await pages.open(coordinator.url);
    await page.getByLabel('Proven in').selectOption('3');
    await draw(page, 'seven');
    await prove(page);
    await page.getByText('Claimed by the coordinator, not yet proven').waitFor();
    await page.getByText('1 of 3').waitFor();
    expect(await firstLabel(page)).toMatch(/^7\b/);
    // The coordinator says that slice 1 is proven: nothing here may look verified for that.
    expect(await page.locator('.verified').count()).toBe(0);
    expect(await icon(page)).toContain('#c58a00');
    release();
    await settled(page);
    expect(await headline(page)).toMatch(/^Proven\. Verified in this tab in [\d.,]+ m?s\.$/);
    expect(await firstLabel(page)).toMatch(/^7\b/);
    expect(await page.locator('.slice-bar.verified').count()).toBe(3);
    expect(await page.locator('.checks .icon.verified').count()).toBe(3 + 3 + 1 + 3 + 1);
    expect(await page.locator('.checks .time').allInnerTexts()).not.toContain('');
    expect(await icon(page)).toContain('#16a37a');
    expect(errors).toEqual([]);
  });

  it('breaks on purpose: a byte of a proof, an output, a pixel, each refused by a check that says why, and put back', async () => {
    const { page, errors } = await asked(1);
    await settled(page);
    const refusedBy = {
      proof: 'the proof does not hold',
      output: 'the proof does not hold',
      input: 'The input is not yours',
    };
    for (const [what, check] of Object.entries(refusedBy)) {
      await page.getByRole('button', { name: `Change ${what}` }).click();
      await page.locator('.headline.refused').waitFor();
      expect(await page.locator('.headline').innerText()).toContain('You changed');
      const bad = page.locator('.checks details.bad');
      await expect.poll(() => bad.allInnerTexts().then((texts) => texts.join('\n'))).toContain(check);
      await page.getByRole('button', { name: 'Put it back' }).click();
      await page.locator('.headline.verified').waitFor();
    }
    expect(errors).toEqual([]);
  });

  it('downloads a bundle with the model in it, which verifies from the file without a network', async () => {
    const { page, errors } = await asked(3);
    await settled(page);
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download bundle' }).click()]);
    expect(download.suggestedFilename()).toMatch(/^digits-[0-9a-f]{12}\.bundle$/);
    const file = await readFile(await download.path());
    expect(decodeBundle(new Uint8Array(file)).artefacts).not.toBeNull();

    const other = await pages.open(coordinator.url);
    await other.page.getByRole('button', { name: 'Sample 1' }).waitFor();
    await other.page.waitForFunction(() => navigator.serviceWorker.controller !== null);
    await other.page.context().setOffline(true);
    await other.page.getByText('This browser is offline').waitFor();
    const [chooser] = await Promise.all([
      other.page.waitForEvent('filechooser'),
      other.page.getByRole('button', { name: 'Open bundle' }).click(),
    ]);
    await chooser.setFiles({ name: 'answer.bundle', mimeType: 'application/octet-stream', buffer: file });
    await settled(other.page);
    expect(await headline(other.page)).toMatch(/^Proven\./);
    expect(await firstLabel(other.page)).toMatch(/^5\b/);
    // Nobody said which model it should be.
    await other.page.getByText('the digest is the bundle’s own').waitFor();
    expect([...errors, ...other.errors]).toEqual([]);
    // The page itself is kept too.
    await other.page.reload();
    await other.page.getByRole('button', { name: 'Open bundle' }).waitFor();
  });

  it('says of a file that is no bundle what was expected', async () => {
    const { page } = await pages.open(coordinator.url);
    const [chooser] = await Promise.all([page.waitForEvent('filechooser'), page.getByRole('button', { name: 'Open bundle' }).click()]);
    await chooser.setFiles({ name: 'letter.bundle', mimeType: 'application/octet-stream', buffer: Buffer.from('Dear Sir or Madam') });
    await settled(page);
    expect(await headline(page)).toMatch(/^Refused\./);
    expect(await page.locator('.checks details.bad').innerText()).toMatch(/expected/);
  });

  it('opens a copied link in another tab, and verifies there', async () => {
    const { page } = await asked(1);
    await settled(page);
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.getByRole('button', { name: 'Copy link' }).click();
    const link = await page.evaluate(() => navigator.clipboard.readText());
    expect(link).toContain(`model=${coordinator.model.digest}`);
    const other = await pages.open(link);
    await settled(other.page);
    expect(await headline(other.page)).toMatch(/^Proven\./);
    expect(await firstLabel(other.page)).toMatch(/^5\b/);
  });

  it('asks the coordinator of ?coordinator=URL, and keeps it in its links', async () => {
    const elsewhere = await startSmallCoordinator(pages.folder);
    try {
      const { page, errors } = await asked(1, `${elsewhere.url}/?coordinator=${encodeURIComponent(coordinator.url)}`);
      await settled(page);
      expect(await headline(page)).toMatch(/^Proven\./);
      expect(await page.getByRole('link', { name: 'Models' }).getAttribute('href')).toContain(encodeURIComponent(coordinator.url));
      expect(errors).toEqual([]);
    } finally {
      await elsewhere.close();
    }
  });

  it('says what a coordinator refuses, in its words, and can ask again', async () => {
    coordinator.problem = { status: 400, code: 'input-size', detail: 'the input has the wrong size' };
    const { page } = await asked(1);
    await settled(page);
    expect(await headline(page)).toBe('Not proven.');
    await page.getByText('The input has the wrong size.').waitFor();
    coordinator.problem = null;
    await prove(page);
    await page.locator('.headline.verified').waitFor();
  });

  it('can be used by keyboard alone: skip link, a sample, the keys of the page', async () => {
    const { page } = await pages.open(coordinator.url);
    await page.getByRole('button', { name: 'Sample 3' }).waitFor();
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Skip to the content');
    await page.keyboard.press('Enter');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('content');
    const walked: string[] = [];
    for (let n = 0; n < 40 && walked.at(-1) !== 'Sample 3'; n++) {
      await page.keyboard.press('Tab');
      const { name, outline } = await page.evaluate(() => {
        const own = document.activeElement as HTMLElement;
        return { name: own.getAttribute('aria-label') ?? own.textContent, outline: getComputedStyle(own).outlineStyle };
      });
      expect(outline, `focus is seen on ${name}`).not.toBe('none');
      walked.push(name);
    }
    expect(walked.at(-1)).toBe('Sample 3');
    await page.keyboard.press('Enter');
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys on this page' }).waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('p');
    await settled(page);
    expect(await firstLabel(page)).toMatch(/^3\b/);
  });

  it('says what a browser without SIMD lacks, and does not fail silently', async () => {
    const { page } = await pages.open(coordinator.url, {
      before: () => {
        WebAssembly.validate = () => false;
      },
    });
    expect(await page.getByRole('alert').innerText()).toContain('no SIMD in WebAssembly');
  });

  it('says so where there is too little memory', async () => {
    const { page } = await pages.open(coordinator.url, {
      before: () => {
        WebAssembly.Memory = function () {
          throw new RangeError('could not allocate memory');
        } as unknown as typeof WebAssembly.Memory;
      },
    });
    expect(await page.getByRole('alert').innerText()).toContain('less than 256 MiB of memory');
  });
});

describe('a coordinator that tampers is caught by the page', () => {
  const changed = (change: (bundle: Bundle) => Bundle) => (file: Uint8Array) => encodeBundle(change(decodeBundle(file)));
  const largest = (values: Int32Array): number => values.indexOf(values.reduce((a, b) => Math.max(a, b)));

  it.each<[string, (file: Uint8Array) => Uint8Array]>([
    [
      'another answer',
      changed((bundle) => {
        const own = bundle.outputs[0] as Int32Array;
        const at = largest(own);
        return { ...bundle, outputs: [own.with((at + 1) % 10, own[at]! + 1)] };
      }),
    ],
    [
      'slices in another order',
      changed((bundle) => ({
        ...bundle,
        slices: [
          bundle.slices[0]!,
          { ...bundle.slices[1]!, proof: bundle.slices[2]!.proof },
          { ...bundle.slices[2]!, proof: bundle.slices[1]!.proof },
        ],
      })),
    ],
    ['a slice less', changed((bundle) => ({ ...bundle, cuts: bundle.cuts.slice(1), slices: bundle.slices.slice(1) }))],
    [
      'another crossing tensor',
      changed((bundle) => ({
        ...bundle,
        slices: bundle.slices.with(0, {
          ...bundle.slices[0]!,
          crossing: bundle.slices[0]!.crossing!.with(0, bundle.slices[0]!.crossing![0]! ^ 1),
        }),
      })),
    ],
    ['another model', changed((bundle) => ({ ...bundle, model: bundle.model.with(0, bundle.model[0]! ^ 1) }))],
    ['another request', changed((bundle) => ({ ...bundle, request: '01234567-89ab-7def-8123-456789abcdef' }))],
    ['half a file', (file) => file.slice(0, file.length >> 1)],
  ])('%s', async (_, tamper) => {
    coordinator.tamper = tamper;
    const { page, errors } = await asked(3);
    await settled(page);
    expect(await headline(page)).toMatch(/^Refused\./);
    expect(await page.locator('.headline.verified').count()).toBe(0);
    expect(await page.locator('.checks details.bad').count()).toBeGreaterThan(0);
    expect(await icon(page)).toContain('#e0524a');
    expect(errors).toEqual([]);
  });

  it('a forged certificate: the answer stays proven, who proved it does not', async () => {
    coordinator.tamper = changed((bundle) => {
      const own = bundle.slices[0]!;
      const signature = own.certificate.signature.with(3, own.certificate.signature[3]! ^ 1);
      return { ...bundle, slices: bundle.slices.with(0, { ...own, certificate: { ...own.certificate, signature } }) };
    });
    const { page } = await asked(3);
    await settled(page);
    expect(await headline(page)).toMatch(/^Proven\./);
    expect(await page.locator('.checks details.bad').innerText()).toContain('Slice 1: not signed by the miner that it names');
    await page.getByText('Who proved it is not certain').waitFor();
  });
});
