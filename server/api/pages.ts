/** The built pages: files below one folder, read once, compressed once, served isolated from other origins so that they get threads. */
import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { createHash } from 'node:crypto';

/** What scripts of a page may do: nothing that it did not bring, but WebAssembly; it may speak to other coordinators. */
const CONTENT_SECURITY = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "connect-src 'self' https: wss: http://localhost:* ws://localhost:* http://127.0.0.1:* ws://127.0.0.1:*",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Shared memory needs a page that is isolated from other origins. */
export const ISOLATION = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' } as const;

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
};

/** Vite puts a hash of the content into the names of what it puts here. */
const HASHED = /^\/assets\/.*-[\w-]{8,}\.\w+(\.map)?$/;

type Encoding = 'br' | 'gzip' | 'identity';

interface Encoded {
  readonly bytes: Uint8Array;
  readonly etag: string;
}

interface PageFile {
  readonly path: string;
  readonly type: string;
  readonly bytes: () => Promise<Uint8Array>;
  /** By encoding, made when first asked for. */
  readonly encoded: Map<Encoding, Promise<Encoded>>;
}

export interface Pages {
  /** The file for a path, or null where there is none. */
  respond(request: Request): Promise<Response | null>;
}

const compressGzip = promisify(gzip);
const compressBrotli = promisify(brotliCompress);

/** The pages of a folder; none where it is not there (they have not been built). */
export async function openPages(folder: string): Promise<Pages> {
  const files = new Map<string, PageFile>();
  if (existsSync(folder)) {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      const name = `/${relative(folder, path).split(sep).join('/')}`;
      files.set(name, {
        path: name,
        type: TYPES[extname(name)] ?? 'application/octet-stream',
        bytes: async () => new Uint8Array(await readFile(path)),
        encoded: new Map(),
      });
    }
  }
  return {
    async respond(request) {
      const file = fileOf(files, new URL(request.url).pathname);
      return file === null ? null : respondWith(file, request);
    },
  };
}

/** `/mine` is mine.html or mine/index.html; `/models/<anything>` is the page of the models, whose script reads the rest. Names come from the folder, so no path leads out of it. */
function fileOf(files: ReadonlyMap<string, PageFile>, path: string): PageFile | null {
  const exact = files.get(path);
  if (exact !== undefined) return exact;
  const name = path.replace(/\/+$/, '');
  const page = files.get(`${name}.html`) ?? files.get(`${name}/index.html`);
  if (page !== undefined) return page;
  const [, parent, rest] = /^\/([a-z-]+)\/([\w.-]{1,255})$/.exec(path) ?? [];
  if (parent === undefined || rest === undefined || extname(rest) in TYPES) return null;
  return files.get(`/${parent}/one.html`) ?? files.get(`/${parent}.html`) ?? files.get(`/${parent}/index.html`) ?? null;
}

async function respondWith(file: PageFile, request: Request): Promise<Response> {
  const accepted = request.headers.get('accept-encoding') ?? '';
  const compressible = !/^image\/(png|x-icon)/.test(file.type);
  const encoding: Encoding = !compressible ? 'identity' : /\bbr\b/.test(accepted) ? 'br' : /\bgzip\b/.test(accepted) ? 'gzip' : 'identity';
  let encoded = file.encoded.get(encoding);
  if (encoded === undefined) {
    encoded = encode(file, encoding);
    file.encoded.set(encoding, encoded);
    encoded.catch(() => file.encoded.delete(encoding));
  }
  const { bytes, etag } = await encoded;
  const headers: Record<string, string> = {
    ...ISOLATION,
    'content-type': file.type,
    'cache-control': HASHED.test(file.path) ? 'public, max-age=31536000, immutable' : 'no-cache',
    'content-security-policy': CONTENT_SECURITY,
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    vary: 'accept-encoding',
    etag,
  };
  if (request.headers.get('if-none-match') === etag) return new Response(null, { status: 304, headers });
  if (encoding !== 'identity') headers['content-encoding'] = encoding;
  headers['content-length'] = String(bytes.length);
  return new Response(request.method === 'HEAD' ? null : (bytes as Uint8Array<ArrayBuffer>), { headers });
}

async function encode(file: PageFile, encoding: Encoding): Promise<Encoded> {
  const bytes = await compressed(await file.bytes(), encoding);
  return { bytes, etag: `"${createHash('sha256').update(bytes).digest('hex').slice(0, 32)}"` };
}

async function compressed(bytes: Uint8Array, encoding: Encoding): Promise<Uint8Array> {
  // Best compression of ONNX Runtime takes half a minute; this is nearly as small.
  if (encoding === 'br') return compressBrotli(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: bytes.length > 2 ** 20 ? 5 : 9 } });
  return encoding === 'gzip' ? compressGzip(bytes) : bytes;
}
