/** The Mine page with the product's coordinator: one tab proves what another one asks for and verifies. */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Page } from 'playwright-core';
import { hotkeyFromSeed } from '../../server/wire/keys.ts';
import type { MinerInfo } from '../../server/wire/http.ts';
import { buildPages, type Pages } from '../support/pages.ts';
import { startRunningCoordinator, type CoordinatorUnderTest } from '../support/running-coordinator.ts';

let pages: Pages;
let coordinator: CoordinatorUnderTest;
beforeAll(async () => {
  pages = await buildPages();
  coordinator = await startRunningCoordinator(pages.folder);
  // A first start makes a database and compiles the model.
}, 300_000);
afterAll(async () => {
  await coordinator.close();
  await pages.close();
});

const start = (page: Page) => page.getByRole('button', { name: 'Start mining' }).click();
const stop = (page: Page) => page.getByRole('button', { name: 'Stop mining' }).click();
const address = (page: Page) => page.locator('main .digest').first().getAttribute('title');

async function connected(hotkey: string): Promise<boolean> {
  const { miners } = (await (await fetch(`${coordinator.url}/v1/miners`)).json()) as { miners: MinerInfo[] };
  return miners.some((miner) => miner.hotkey === hotkey && miner.connected);
}

describe('the Mine page', () => {
  it('proves what another tab asks for, and that tab verifies it', async () => {
    const miner = await pages.open(`${coordinator.url}/mine`);
    await start(miner.page);
    await miner.page.getByText('Connected. Waiting for a job.').waitFor();
    const hotkey = (await address(miner.page))!;

    const client = await pages.open(coordinator.url);
    await client.page.getByLabel('Proven in').selectOption('3');
    await client.page.getByRole('button', { name: 'Sample 8' }).click();
    await client.page.getByRole('button', { name: 'Prove', exact: true }).click();
    await client.page.locator('.headline.verified, .headline.refused').waitFor({ timeout: 60_000 });
    expect(await client.page.locator('.headline .words').innerText()).toMatch(/^Proven\. Verified in this tab in/);
    expect(await client.page.locator('.bars .bar-row.first').innerText()).toMatch(/^8\b/);
    // Each row names the key that proved it.
    for (const row of await client.page.locator('.slices li').all())
      expect(await row.locator('.digest').getAttribute('title')).toBe(hotkey);

    await expect.poll(() => miner.page.title()).toBe('3 proofs · Veritab');
    await expect.poll(() => miner.page.locator('.checks li').count()).toBe(3);
    expect(await miner.page.locator('.checks li').first().innerText()).toContain('Accepted by the coordinator digits · client');
    await miner.page.locator('.plot canvas').waitFor();
    await miner.page.getByText('As a table').click();
    expect(await miner.page.locator('figure tbody tr').count()).toBe(3);
    expect([...miner.errors, ...client.errors]).toEqual([]);

    expect(await connected(hotkey)).toBe(true);
    await stop(miner.page);
    await miner.page.getByText('Not mining.').waitFor();
    await expect.poll(() => connected(hotkey)).toBe(false);
    expect(await miner.page.title()).toBe('Mine · Veritab');
  });

  it('stands still while there is nothing to do', async () => {
    const { page } = await pages.open(`${coordinator.url}/mine`);
    await start(page);
    await page.getByText('Connected. Waiting for a job.').waitFor();
    // The first news of the network comes a moment after the welcome.
    await page.getByText(/\d miners?, \d jobs? waiting/).waitFor();
    const changesWithin = (ms: number): Promise<string[]> =>
      page.evaluate(
        (ms) =>
          new Promise<string[]>((resolve) => {
            const seen: string[] = [];
            new MutationObserver((records) => seen.push(...records.map(({ target }) => target.textContent ?? target.nodeName))).observe(
              document,
              {
                subtree: true,
                childList: true,
                characterData: true,
                attributes: true,
              },
            );
            const timer = performance.now();
            const wait = (): void => {
              if (performance.now() - timer > ms) resolve(seen);
              else requestAnimationFrame(wait);
            };
            wait();
          }),
        ms,
      );
    // What the start brings may come one thing after the other; then nothing does, for longer than anything that moves would rest.
    await expect.poll(() => changesWithin(3000), { timeout: 30_000 }).toEqual([]);
    await page.context().close();
  });

  it('exports its key, and another browser that imports the file mines as the same', async () => {
    const first = await pages.open(`${coordinator.url}/mine`);
    await first.page.locator('main .digest').waitFor();
    const [download] = await Promise.all([first.page.waitForEvent('download'), first.page.getByRole('button', { name: 'Export' }).click()]);
    const file = await readFile(await download.path());
    const hotkey = await address(first.page);
    await first.page.context().close();

    const second = await pages.open(`${coordinator.url}/mine`);
    await second.page.locator('main .digest').waitFor();
    expect(await address(second.page)).not.toBe(hotkey);
    const give = async (buffer: Buffer): Promise<void> => {
      const [chooser] = await Promise.all([
        second.page.waitForEvent('filechooser'),
        second.page.getByRole('button', { name: 'Import' }).click(),
      ]);
      await chooser.setFiles({ name: 'hotkey.json', mimeType: 'application/json', buffer });
    };
    await give(Buffer.from('{"encoded": "secret"}'));
    expect(await second.page.getByRole('alert').innerText()).toContain('encrypted');
    await give(file);
    await expect.poll(() => address(second.page)).toBe(hotkey);
    await start(second.page);
    await expect.poll(() => connected(hotkey!)).toBe(true);
    await second.page.context().close();
  });

  it('mines as a wallet’s account after one signature, and says so where its owner refuses', async () => {
    const wallet = hotkeyFromSeed(randomBytes(32));
    const { page, errors } = await pages.open('about:blank', {
      before: () => {
        // What the test exposes is there by the time the wallet is asked.
        const node = globalThis as unknown as { signInWallet: (data: string) => Promise<string> };
        const signer = { signRaw: async ({ data }: { data: string }) => ({ signature: await node.signInWallet(data) }) };
        const accounts = {
          get: async () => [{ address: (globalThis as { walletAddress?: string }).walletAddress, name: 'Savings', type: 'sr25519' }],
        };
        Object.assign(globalThis, { injectedWeb3: { 'test-wallet': { version: '1', enable: async () => ({ accounts, signer }) } } });
      },
    });
    const asked: string[] = [];
    let agrees = false;
    await page.exposeFunction('signInWallet', (data: string) => {
      asked.push(Buffer.from(data.slice(2), 'hex').toString());
      if (!agrees) throw new Error('Cancelled');
      const wrapped = `<Bytes>${asked.at(-1)!}</Bytes>`;
      return `0x${Buffer.from(wallet.sign(new TextEncoder().encode(wrapped))).toString('hex')}`;
    });
    await page.addInitScript((address) => Object.assign(globalThis, { walletAddress: address }), wallet.address);
    await page.goto(`${coordinator.url}/mine`);
    await page.getByRole('button', { name: 'Use a wallet' }).click();
    await page.getByRole('button', { name: 'Open test-wallet' }).click();
    await page.getByRole('button', { name: 'Mine as Savings' }).click();
    await expect.poll(() => address(page)).toBe(wallet.address);
    await start(page);
    await page.locator('.doing').getByText('Stopped: ').waitFor();
    expect(await page.locator('.doing').innerText()).toContain('Cancelled');
    expect(await connected(wallet.address)).toBe(false);
    agrees = true;
    await start(page);
    await page.getByText('Connected. Waiting for a job.').waitFor();
    expect(await connected(wallet.address)).toBe(true);
    expect(asked).toHaveLength(2);
    expect(asked[1]).toContain(`hotkey: ${wallet.address}`);
    expect(errors).toEqual([]);
    await page.context().close();
  });

  it('keeps the key and the threads for the next visit', async () => {
    const { page } = await pages.open(`${coordinator.url}/mine`);
    await page.locator('main .digest').waitFor();
    const hotkey = await address(page);
    const slider = page.getByRole('slider', { name: 'Threads' });
    await slider.focus();
    await page.keyboard.press('End');
    const words = await page.locator('.slider output').innerText();
    expect(words).toMatch(/^(\d+) of \1$/);
    await page.reload();
    await page.locator('main .digest').waitFor();
    expect(await address(page)).toBe(hotkey);
    expect(await page.locator('.slider output').innerText()).toBe(words);
  });

  it('says that it has no connection, and can be stopped while it tries', async () => {
    const { page } = await pages.open(`${coordinator.url}/mine?coordinator=http://127.0.0.1:9`);
    await start(page);
    await page.getByText('No connection: ').waitFor();
    await stop(page);
    await page.getByText('Not mining.').waitFor();
  });
});
