/** Blobs over HTTP: whole or in part, for ever the same under their name. Source: RFC 9110, sections 13 and 14. */
import type { Context } from 'hono';
import { Problem, type Blob } from '../coordinator.ts';

/** Bytes that are read at a time. */
const PIECE = 2 ** 20;

interface Range {
  readonly begin: number;
  /** Excluded. */
  readonly end: number;
}

/** The one range that a `Range` header asks for; null where it asks for none that this server gives in part (then the whole is sent). Throws `Problem` (416). */
export function parseRange(header: string | undefined, size: number): Range | null {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '') ?? [];
  if (first === undefined || last === undefined || (first === '' && last === '')) return null;
  const begin = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size : Math.min(size, Number(last) + 1);
  if (first !== '' && last !== '' && Number(last) < Number(first)) return null;
  if (begin >= end) throw new Problem(416, 'range', 'the range is not within the blob', { expected: `bytes below ${size}`, got: header! });
  return { begin, end };
}

/** Answers with a blob. `etag`: its hash or another name that no other content has. `headers`: type, name, caching. */
export function blobResponse(c: Context, blob: Blob, etag: string, headers: Readonly<Record<string, string>>): Response {
  const tag = `"${etag}"`;
  const common = { ...headers, etag: tag, 'accept-ranges': 'bytes' };
  const known = c.req.header('if-none-match');
  if (known !== undefined && known.split(',').some((text) => [tag, `W/${tag}`, '*'].includes(text.trim())))
    return new Response(null, { status: 304, headers: common });
  const conditional = c.req.header('if-range');
  const range = conditional === undefined || conditional === tag ? parseRange(c.req.header('range'), blob.size) : null;
  const { begin, end } = range ?? { begin: 0, end: blob.size };
  const partial = range === null ? {} : { 'content-range': `bytes ${begin}-${end - 1}/${blob.size}` };
  return new Response(c.req.method === 'HEAD' ? null : streamOf(blob, begin, end), {
    status: range === null ? 200 : 206,
    headers: { ...common, ...partial, 'content-length': String(end - begin) },
  });
}

/** Read as it is sent, piece by piece. */
function streamOf(blob: Blob, begin: number, end: number): ReadableStream<Uint8Array> {
  let at = begin;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (at < end) {
          const next = Math.min(end, at + PIECE);
          controller.enqueue(await blob.read(at, next));
          at = next;
        }
        if (at >= end) controller.close();
      },
    },
    { highWaterMark: 0 },
  );
}
