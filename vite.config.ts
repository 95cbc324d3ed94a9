import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vite';

const pages = join(import.meta.dirname, 'web/pages');

/** Every .html file below web/pages is a page, served under its path there. */
const html = existsSync(pages)
  ? readdirSync(pages, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.html'))
      .map((file) => join(pages, file))
  : [];

/** Shared memory needs a page that is isolated from other origins. */
const isolation = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };

export default defineConfig({
  root: pages,
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  publicDir: false,
  appType: 'mpa',
  build: {
    outDir: join(import.meta.dirname, 'dist/web'),
    emptyOutDir: true,
    target: 'es2023',
    // The themes are `light-dark()`: not to be rewritten for browsers without it, which lack what the kernels need too.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    sourcemap: true,
    // Under `script-src 'self'; worker-src 'self'` nothing may be inlined as a data: or blob: address.
    assetsInlineLimit: 0,
    rolldownOptions: { input: html },
  },
  worker: { format: 'es' },
  server: { headers: isolation, fs: { allow: [import.meta.dirname] } },
  preview: { headers: isolation },
});
