import { join } from 'node:path';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumArguments, findChromium } from '../support/chromium.ts';
import { buildPage, type BuiltPage } from '../support/page.ts';
import type { StorageActions } from './page/page.ts';

type InPage = typeof globalThis & { actions: StorageActions };

let built: BuiltPage;
let browser: Browser;
let context: BrowserContext;
let address: string;
beforeAll(async () => {
  built = await buildPage(join(import.meta.dirname, 'page'));
  browser = await chromium.launch({ executablePath: findChromium(), args: chromiumArguments() });
  context = await browser.newContext();
  address = await built.serve({ isolated: true });
});
afterAll(async () => {
  await browser.close();
  await built.close();
});

async function open(): Promise<Page> {
  const page = await context.newPage();
  await page.goto(address);
  await page.waitForSelector('html[data-ready]', { state: 'attached' });
  return page;
}

/** Calls an action of the page. */
function call(page: Page, name: keyof StorageActions, ...args: unknown[]): Promise<unknown> {
  return page.evaluate(([action, values]) => (globalThis as InPage).actions[action as 'get'](...(values as [string])), [
    name,
    args,
  ] as const);
}

const [A, B] = ['a'.repeat(64), 'b'.repeat(64)] as [string, string];

describe('the storage of a tab', () => {
  it('keeps blobs and records from one visit to the next', async () => {
    const page = await open();
    expect(await call(page, 'get', A)).toBeNull();
    await call(page, 'put', A, [1, 2, 3]);
    await call(page, 'put', B, [4, 5]);
    await call(page, 'setRecord', 'hotkey', { seed: '00' });
    await page.close();

    const again = await open();
    expect(await call(again, 'has', A)).toBe(true);
    expect(await call(again, 'record', 'hotkey')).toEqual({ seed: '00' });
    expect(await call(again, 'entries')).toMatchObject([
      { hash: A, bytes: 3 },
      { hash: B, bytes: 2 },
    ]);
    // What was used last goes last.
    expect(await call(again, 'get', A)).toEqual({ isBytes: true, bytes: [1, 2, 3] });
    expect(await call(again, 'entries')).toMatchObject([{ hash: B }, { hash: A }]);
    await call(again, 'remove', B);
    expect(await call(again, 'has', B)).toBe(false);
    await call(again, 'clear');
    expect(await call(again, 'entries')).toEqual([]);
    await call(again, 'removeRecord', 'hotkey');
    expect(await call(again, 'record', 'hotkey')).toBeNull();
    await again.close();
  });

  it('shares no session with another tab, and hands it on when the tab is closed', async () => {
    const first = await open();
    await call(first, 'setSession', 'of the first');
    const second = await open();
    expect(await call(second, 'session')).toBeNull();
    await call(second, 'setSession', 'of the second');
    expect([await call(first, 'session'), await call(second, 'session')]).toEqual(['of the first', 'of the second']);
    await first.close();
    await second.close();
    const third = await open();
    expect(await call(third, 'session')).toBe('of the first');
    await third.close();
  });
});
