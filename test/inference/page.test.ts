import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openModel } from '../../wasm/inference/node.ts';
import { chromiumArguments, findChromium } from '../support/chromium.ts';
import { describeWithModels } from '../support/models.ts';
import { buildPage, type BuiltPage } from '../support/page.ts';
import { seededGenerator } from '../support/random.ts';
import type { PageActions } from './page/page.ts';

type InPage = typeof globalThis & { actions: PageActions };

describeWithModels('a model in a page', ['mnist_cnn.onnx'], ([path]) => {
  let built: BuiltPage;
  let browser: Browser;
  beforeAll(async () => {
    built = await buildPage(join(import.meta.dirname, 'page'));
    browser = await chromium.launch({ executablePath: findChromium(), args: chromiumArguments() });
  });
  afterAll(async () => {
    await browser.close();
    await built.close();
  });

  test.each([
    ['isolated from other origins', true],
    ['not isolated', false],
  ])('gives the bits that Node gives: %s', async (_, isolated) => {
    const model = await readFile(path!);
    const dims = [1, 1, 28, 28];
    const random = seededGenerator(1);
    const data = Float32Array.from({ length: 784 }, () => 255 * random());
    for (const output of ['Convolution110_Output_0', 'Plus214_Output_0']) {
      const session = await openModel(model, [output]);
      const expected = (await session.run({ Input3: { dims, data } }))[output]!.data;
      const page = await browser.newPage();
      const errors: string[] = [];
      page.on('pageerror', (error) => errors.push(String(error)));
      await page.goto(await built.serve({ isolated }));
      await page.waitForSelector('html[data-ready]', { state: 'attached' });
      const job = { model: [...model], dims, values: [...data], output };
      const bits = await page.evaluate(
        ({ model, dims, values, output }) => (globalThis as InPage).actions.run(model, 'Input3', dims, values, output),
        job,
      );
      expect(bits).toEqual([...new Uint8Array(expected.buffer, expected.byteOffset, expected.byteLength)]);
      expect(errors).toEqual([]);
      await page.close();
      await session.close();
    }
  });
});
