/** `/openapi.json`, made from the routes themselves, and `/docs`, a page to read it with. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { HttpBindings } from '@hono/node-server';
import { Hono } from 'hono';
import { generateSpecs } from 'hono-openapi';

export type OpenApiDocument = Awaited<ReturnType<typeof generateSpecs>>;

/** The document of an interface's routes. */
export async function openApiDocument(app: Hono<{ Bindings: HttpBindings }>, origin: string, version: string): Promise<OpenApiDocument> {
  return generateSpecs(app, {
    documentation: {
      info: {
        title: 'Veritab coordinator',
        version,
        description:
          'Ask for an inference of a model, watch it being proven, and fetch the bundle that proves it. Digests and hashes are 64 lower-case hexadecimal digits, tensors base64 of their bytes (int32: little endian), times milliseconds since 1970. Errors are application/problem+json (RFC 9457) with a `code` for programs. Miners connect at /v1/miners/connect (WebSocket, subprotocol veritab.1).',
        license: { name: 'GPL-3.0-or-later' },
      },
      servers: [{ url: origin }],
      tags: [
        { name: 'models', description: 'What can be asked' },
        { name: 'inferences', description: 'Requests and their proofs' },
        { name: 'blobs', description: 'Circuits, weights and other large things, by hash' },
        { name: 'network', description: 'Who proves' },
        { name: 'operation', description: 'For whoever runs it' },
      ],
    },
  });
}

/** The reader styles itself from its script, and colours examples in place. */
const CONTENT_SECURITY = [
  "default-src 'self'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "object-src 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Veritab interface</title>
    <script type="module" src="/docs/openapi-explorer.js"></script>
  </head>
  <body>
    <openapi-explorer spec-url="/openapi.json" hide-authentication hide-server-selection></openapi-explorer>
  </body>
</html>
`;

export function docsRoutes(document: () => Promise<OpenApiDocument>): Hono {
  const app = new Hono();
  let made: Promise<OpenApiDocument> | null = null;
  app.get('/openapi.json', async (c) => c.json(await (made ??= document())));
  app.get('/docs', (c) =>
    c.html(PAGE, 200, { 'content-security-policy': CONTENT_SECURITY, 'x-content-type-options': 'nosniff', 'cache-control': 'no-cache' }),
  );
  app.get('/docs/openapi-explorer.js', async (c) => {
    const path = fileURLToPath(import.meta.resolve('openapi-explorer/dist/browser/openapi-explorer.min.js'));
    return c.body(new Uint8Array(await readFile(path)), 200, {
      'content-type': 'text/javascript; charset=utf-8',
      'x-content-type-options': 'nosniff',
      'cache-control': 'public, max-age=86400',
    });
  });
  return app;
}
