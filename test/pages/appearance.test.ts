/** Every page in both themes and both widths: nothing that axe calls serious, nothing that scrolls sideways; and what it costs to open one. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import axe, { type AxeResults } from 'axe-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Page } from 'playwright-core';
import { buildPages, type Pages } from '../support/pages.ts';
import { startSmallCoordinator, type SmallCoordinator } from '../support/small-coordinator.ts';

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

/** Pages, and how to bring them into the state that has the most on it. */
const VIEWS: readonly (readonly [name: string, path: () => string, ready: (page: Page) => Promise<unknown>])[] = [
  ['Verify, empty', () => '/', (page) => page.getByRole('button', { name: 'Sample 4' }).waitFor()],
  [
    'Verify, refused after a change',
    () => '/',
    async (page) => {
      await page.getByLabel('Proven in').selectOption('3');
      await page.getByRole('button', { name: 'Sample 4' }).click();
      await page.getByRole('button', { name: 'Prove', exact: true }).click();
      await page.locator('.headline.verified').waitFor();
      await page.getByRole('button', { name: 'Change output' }).click();
      await page.locator('.headline.refused').waitFor();
    },
  ],
  ['Mine', () => '/mine', (page) => page.locator('main .digest').waitFor()],
  ['Models', () => '/models', (page) => page.locator('.card').waitFor()],
  ['a model', () => `/models/${coordinator.model.digest}`, (page) => page.locator('.signal.verified').waitFor()],
  ['a model that is not there', () => `/models/${'0'.repeat(64)}`, (page) => page.getByRole('alert').waitFor()],
];

const LOOKS = [
  ['light', 1280],
  ['dark', 1280],
  ['light', 360],
  ['dark', 360],
] as const;

it.each(VIEWS)('%s is usable by everybody, in both themes and both widths', async (_, path, ready) => {
  const { page } = await pages.open(coordinator.url + path(), { colorScheme: 'light', viewport: { width: 1280, height: 800 } });
  await ready(page);
  await page.evaluate(axe.source);
  for (const [colorScheme, width] of LOOKS) {
    const look = `${colorScheme}, ${width} px`;
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 800 });
    // Focus opens what explains a term: it must not be cut off or push the page aside.
    for (const term of await page.locator('.term > button').all()) await term.focus();
    expect(await page.evaluate(() => document.documentElement.scrollWidth), `no sideways scrolling, ${look}`).toBeLessThanOrEqual(width);
    const { violations } = await page.evaluate(() => (globalThis as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run());
    const serious = violations.filter(({ impact }) => impact !== 'minor');
    expect(
      serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`),
      look,
    ).toEqual([]);
  }
  await page.context().close();
});

describe('a first visit', () => {
  /** What a page loads until nothing more comes, by path, in gzipped bytes. */
  async function load(path: string): Promise<Map<string, number>> {
    const { page } = await pages.open('about:blank');
    const sizes = new Map<string, number>();
    page.on('response', (response) => {
      const { pathname, protocol } = new URL(response.url());
      if (protocol !== 'http:' || pathname.startsWith('/v1/')) return;
      sizes.set(pathname, 0);
      void response.body().then((body) => sizes.set(pathname, gzipSync(body).length));
    });
    await page.goto(coordinator.url + path);
    await page.waitForLoadState('networkidle');
    await expect.poll(() => [...sizes.values()].every((size) => size > 0)).toBe(true);
    await page.context().close();
    return sizes;
  }

  it.each(['/', '/mine', '/models'])('of %s loads less than 300 kB gzipped, and no ONNX Runtime', async (path) => {
    const sizes = await load(path);
    const total = [...sizes.values()].reduce((a, b) => a + b, 0);
    expect(total).toBeGreaterThan(10_000);
    expect(total, [...sizes].map(([name, size]) => `${name} ${size}`).join(', ')).toBeLessThan(300_000);
    expect([...sizes.keys()].filter((name) => /ort|onnx/i.test(name))).toEqual([]);
  });

  it('shows the hash of what was built, which does not change from build to build', async () => {
    const again = await buildPages();
    const [first, second] = await Promise.all([pages, again].map(({ folder }) => readFile(join(folder, 'build.txt'), 'utf8')));
    await again.close();
    expect(second).toBe(first);
    const { page } = await pages.open(coordinator.url);
    expect(await page.locator('.colophon .digest').getAttribute('title')).toBe(first!.trim());
  });

  it('keeps the theme that was chosen', async () => {
    const { page } = await pages.open(coordinator.url, { colorScheme: 'light' });
    const background = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    expect(await background()).toBe('rgb(251, 250, 247)');
    await page.getByRole('button', { name: 'Theme: system' }).click();
    await page.getByRole('button', { name: 'Theme: light' }).click();
    expect(await background()).toBe('rgb(19, 20, 22)');
    await page.goto(`${coordinator.url}/models`);
    await page.getByRole('button', { name: 'Theme: dark' }).waitFor();
    expect(await background()).toBe('rgb(19, 20, 22)');
  });

  it('moves nothing under prefers-reduced-motion', async () => {
    const { page } = await pages.open(coordinator.url, { reducedMotion: 'reduce' });
    await page.locator('.button').first().waitFor();
    const durations = await page.locator('.button').evaluateAll((all) => all.map((own) => getComputedStyle(own).transitionDuration));
    expect(new Set(durations.flatMap((duration) => duration.split(', ')))).toEqual(new Set(['0s']));
  });
});
