import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig, type Plugin } from 'vite';

const pages = join(import.meta.dirname, 'web/pages');

/** Every .html file in web/pages is a page, served under its name. */
const html = existsSync(pages)
  ? readdirSync(pages)
      .filter((file) => file.endsWith('.html'))
      .map((file) => join(pages, file))
  : [];

/** Shared memory needs a page that is isolated from other origins. */
const isolation = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };

const SERVICE_WORKER = 'service-worker';

/** Tells the service worker what was built, and puts the hash of it all into `build.txt`: whoever builds the same sources gets the same hash. */
const builtFiles: Plugin = {
  name: 'built-files',
  enforce: 'post',
  generateBundle(_options, bundle) {
    const worker = bundle[`${SERVICE_WORKER}.js`];
    if (worker?.type !== 'chunk') return;
    const names = Object.keys(bundle)
      .filter((name) => !name.endsWith('.map'))
      .sort();
    const files = names
      .filter((name) => name !== worker.fileName)
      .map((name) => `/${name.replace(/^index\.html$/, '').replace(/\.html$/, '')}`);
    worker.code = worker.code.replaceAll('BUILT_FILES', JSON.stringify(files));
    const hash = createHash('sha256');
    for (const name of names) {
      const file = bundle[name]!;
      const content = createHash('sha256').update(file.type === 'chunk' ? file.code : file.source);
      hash.update(`${name} ${content.digest('hex')}\n`);
    }
    const build = hash.digest('hex');
    this.emitFile({ type: 'asset', fileName: 'build.txt', source: `${build}\n` });
    this.info(`the pages' hash: ${build}`);
  },
};

/** In development: `/models/<digest>` is the page of the models. */
const modelPaths: Plugin = {
  name: 'model-paths',
  configureServer(server) {
    server.middlewares.use((request, _response, next) => {
      if (/^\/models\/[^./]+$/.test(request.url?.split('?')[0] ?? '')) request.url = '/models.html';
      next();
    });
  },
};

export default defineConfig({
  root: pages,
  publicDir: false,
  appType: 'mpa',
  plugins: [builtFiles, modelPaths],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: join(import.meta.dirname, 'dist/web'),
    emptyOutDir: true,
    target: 'es2023',
    // The themes are `light-dark()`: not to be rewritten for browsers without it, which lack what the kernels need too.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    sourcemap: true,
    // Under `script-src 'self'; worker-src 'self'` nothing may be inlined as a data: or blob: address.
    assetsInlineLimit: 0,
    rolldownOptions: {
      input: [...html, join(pages, `${SERVICE_WORKER}.ts`)],
      output: { entryFileNames: ({ name }) => (name === SERVICE_WORKER ? '[name].js' : 'assets/[name]-[hash].js') },
    },
  },
  worker: { format: 'es' },
  server: { headers: isolation, fs: { allow: [import.meta.dirname] } },
  preview: { headers: isolation },
});
