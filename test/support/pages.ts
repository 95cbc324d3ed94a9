/** The product's pages, built as `npm run build` does but into a folder of the test's own, and a browser to open them in. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type BrowserContextOptions, type Page } from 'playwright-core';
import { build } from 'vite';
import config from '../../vite.config.ts';
import { chromiumArguments, findChromium } from './chromium.ts';
import { kernelModule } from './kernels.ts';

export interface OpenPage {
  readonly page: Page;
  /** Uncaught errors, and what the console calls an error. */
  readonly errors: string[];
}

export interface Pages {
  /** The folder of the built pages. */
  readonly folder: string;
  /** Opens an address in a context (cookies, storage) of its own. `before` runs in the page before its scripts. */
  open(url: string, options?: BrowserContextOptions & { before?: () => void }): Promise<OpenPage>;
  close(): Promise<void>;
}

export async function buildPages(): Promise<Pages> {
  await kernelModule();
  const folder = await mkdtemp(join(tmpdir(), 'pages-'));
  await build({ ...config, configFile: false, logLevel: 'warn', build: { ...config.build, outDir: folder } });
  const browser = await chromium.launch({ executablePath: findChromium(), args: chromiumArguments() });
  return {
    folder,
    async open(url, { before, ...options } = {}) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
      if (before) await context.addInitScript(before);
      const page = await context.newPage();
      const errors: string[] = [];
      page.on('pageerror', (error) => errors.push(String(error)));
      page.on('console', (message) => {
        if (message.type() === 'error') errors.push(message.text());
      });
      await page.goto(url);
      return { page, errors };
    },
    async close() {
      await browser.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
