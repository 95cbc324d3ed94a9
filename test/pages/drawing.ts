/** Draws with the mouse on the Verify page, as a person does. */
import type { Page } from 'playwright-core';

/** Strokes of digits on a square from 0 to 1. */
export const STROKES = {
  seven: [
    [
      [0.25, 0.25],
      [0.75, 0.25],
      [0.45, 0.8],
    ],
  ],
  one: [
    [
      [0.52, 0.2],
      [0.48, 0.8],
    ],
  ],
} satisfies Record<string, readonly (readonly (readonly [number, number])[])[]>;

export async function draw(page: Page, digit: keyof typeof STROKES): Promise<void> {
  const { x, y, width, height } = (await page.locator('.pad canvas').boundingBox())!;
  for (const [first, ...rest] of STROKES[digit]) {
    await page.mouse.move(x + first![0] * width, y + first![1] * height);
    await page.mouse.down();
    for (const [px, py] of rest) await page.mouse.move(x + px * width, y + py * height, { steps: 8 });
    await page.mouse.up();
  }
}
