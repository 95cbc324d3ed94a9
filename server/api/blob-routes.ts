/** `/v1/blobs`: bytes under the name of their BLAKE3. */
import type { HttpBindings } from '@hono/node-server';
import { Hono, type Context } from 'hono';
import * as v from 'valibot';
import { Problem, type Coordinator } from '../coordinator.ts';
import { digestSchema } from '../wire/http.ts';
import { blobResponse } from './blob-response.ts';
import type { BodyReader } from './body.ts';
import { headerParameter, operation, pathParameter } from './operation.ts';
import { shown } from './problem.ts';
import { createUploadQuota } from './upload-quota.ts';

const hashParameter = pathParameter('hash', 'BLAKE3 of the bytes, 64 lower-case hexadecimal digits');
const putSchema = v.strictObject({ hash: digestSchema, size: v.number() });

export interface BlobRoutesOptions {
  readonly coordinator: Coordinator;
  readonly body: BodyReader;
  /** Whom limits are counted against. */
  readonly addressOf: (c: Context<{ Bindings: HttpBindings }>) => string;
  readonly maxModelBytes: number;
  /** Bytes that one address may put within an hour. */
  readonly maxUploadBytes: number;
}

export function blobRoutes({
  coordinator,
  body,
  addressOf,
  maxModelBytes,
  maxUploadBytes,
}: BlobRoutesOptions): Hono<{ Bindings: HttpBindings }> {
  const app = new Hono<{ Bindings: HttpBindings }>();
  const quota = createUploadQuota(maxUploadBytes, Date.now);

  /** Reads the body and keeps it; gives its hash and size. */
  async function keep(c: Context<{ Bindings: HttpBindings }>): Promise<{ hash: string; size: number }> {
    const bytes = await body.bytes(c, maxModelBytes);
    const address = addressOf(c);
    quota.take(address, bytes.length);
    return { hash: await coordinator.putBlob(bytes, address), size: bytes.length };
  }

  app.get(
    '/blobs/:hash',
    operation({
      tag: 'blobs',
      summary: 'A blob, or a range of it',
      parameters: [hashParameter, headerParameter('range', 'bytes=first-last')],
      answers: {
        200: { description: 'The bytes', type: 'application/octet-stream' },
        206: { description: 'A part of them', type: 'application/octet-stream' },
        304: { description: 'They are known' },
      },
      problems: { 400: 'bad-hash', 404: 'unknown-blob', 416: 'range' },
    }),
    async (c) => {
      const hash = checkedHash(c.req.param('hash'));
      const blob = await coordinator.blob(hash);
      if (blob === null)
        throw new Problem(404, 'unknown-blob', 'there is no such blob (any more)', { expected: 'the hash of a blob', got: hash });
      return blobResponse(c, blob, hash, {
        'content-type': 'application/octet-stream',
        'cache-control': 'public, max-age=31536000, immutable',
      });
    },
  );

  const problems = { 413: 'body-too-large', 429: 'too-many-uploads', 503: 'busy' };

  app.post(
    '/blobs',
    operation({
      tag: 'blobs',
      summary: 'Keep bytes for a publication',
      body: 'bytes',
      answers: { 201: { description: 'Their hash', schema: putSchema } },
      problems,
    }),
    async (c) => {
      const kept = await keep(c);
      return c.json(kept, 201, { location: `/v1/blobs/${kept.hash}` });
    },
  );

  app.put(
    '/blobs/:hash',
    operation({
      tag: 'blobs',
      summary: 'Keep bytes of a known hash for a publication',
      parameters: [hashParameter],
      body: 'bytes',
      answers: { 201: { description: 'They are kept', schema: putSchema } },
      problems: { 400: 'bad-hash, wrong-hash', ...problems },
    }),
    async (c) => {
      const expected = checkedHash(c.req.param('hash'));
      const kept = await keep(c);
      if (kept.hash !== expected) throw new Problem(400, 'wrong-hash', 'the bytes do not have this hash', { expected, got: kept.hash });
      return c.json(kept, 201);
    },
  );
  return app;
}

function checkedHash(hash: string): string {
  if (v.is(digestSchema, hash)) return hash;
  throw new Problem(400, 'bad-hash', 'the name of the blob is no hash', { expected: '64 lower-case hexadecimal digits', got: shown(hash) });
}
