/** Serves the built pages as a coordinator does: paths without an extension are pages, headers as the pages need them. */
import { readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { extname, join, normalize } from 'node:path';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.wasm': 'application/wasm',
  '.map': 'application/json',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
};

const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; worker-src 'self'; img-src 'self' data: blob:; connect-src 'self' http: https: ws: wss:; manifest-src 'self'";

/** The file of a path: `/mine` is `mine.html`, `/models/<digest>` is `models.html`. */
function fileOf(pathname: string): string {
  if (pathname === '/') return 'index.html';
  if (extname(pathname) !== '') return normalize(pathname);
  return `${normalize(pathname).split('/')[1]}.html`;
}

export async function serveFolder(folder: string, pathname: string, response: ServerResponse): Promise<void> {
  const file = fileOf(pathname);
  try {
    const content = await readFile(join(folder, file));
    response.writeHead(200, {
      'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream',
      'Content-Security-Policy': POLICY,
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cross-Origin-Embedder-Policy': 'require-corp',
    });
    response.end(content);
  } catch {
    response.writeHead(404).end();
  }
}
