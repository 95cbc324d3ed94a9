import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import { build } from 'vite';
import config from '../../vite.config.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.wasm': 'application/wasm',
  '.map': 'application/json',
};

/** What the product's pages are served with. */
const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; img-src data:";
const ISOLATION = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };

export interface BuiltPage {
  /** Serves the page on a port of its own, isolated from other origins or not; gives its address. */
  serve(options: { isolated: boolean }): Promise<string>;
  /** Stops serving and removes what was built. */
  close(): Promise<void>;
}

/** Builds the page in a folder (with an index.html) as vite.config.ts says for the product's pages. */
export async function buildPage(folder: string): Promise<BuiltPage> {
  const output = await mkdtemp(join(tmpdir(), 'page-'));
  await build({
    ...config,
    configFile: false,
    root: folder,
    logLevel: 'warn',
    build: { ...config.build, outDir: output, rolldownOptions: { input: join(folder, 'index.html') } },
  });
  const servers: ReturnType<typeof createServer>[] = [];
  return {
    async serve({ isolated }) {
      const server = createServer((request, response) => {
        const { pathname } = new URL(request.url!, 'http://page');
        const file = join(output, normalize(pathname === '/' ? '/index.html' : pathname));
        readFile(file).then(
          (content) => {
            response.writeHead(200, {
              'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream',
              'Content-Security-Policy': POLICY,
              ...(isolated ? ISOLATION : {}),
            });
            response.end(content);
          },
          () => response.writeHead(404).end(),
        );
      });
      servers.push(server);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    },
    async close() {
      for (const server of servers) server.closeAllConnections();
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
      await rm(output, { recursive: true, force: true });
    },
  };
}
