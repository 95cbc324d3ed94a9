/** Bodies of requests, read no further than they may be long. */
import type { Context } from 'hono';
import * as v from 'valibot';
import { Problem } from '../coordinator.ts';
import { shown } from './problem.ts';

/** Reads bodies that together stay below a bound. */
export interface BodyReader {
  /** The bytes of a body. Throws `Problem`: 413 where there are more than `limit`, 503 where too much is being read already. */
  bytes(c: Context, limit: number): Promise<Uint8Array>;
  /** A JSON body that the schema accepts. Throws `Problem`: 400 `bad-json` or `bad-request`, 415, and what `bytes` throws. */
  json<S extends v.GenericSchema>(c: Context, schema: S, limit: number): Promise<v.InferOutput<S>>;
}

/** @param total bytes of all bodies that are being read at a time */
export function createBodyReader(total: number): BodyReader {
  let reserved = 0;

  async function bytes(c: Context, limit: number): Promise<Uint8Array> {
    const header = c.req.header('content-length');
    const declared = header === undefined ? null : Number(header);
    if (declared !== null && declared > limit) throw tooLarge(limit, declared);
    const size = declared ?? limit;
    if (reserved + size > total)
      throw new Problem(503, 'busy', 'too many large bodies are being read', { retryAfter: 1, hint: 'send it again in a second' });
    reserved += size;
    try {
      return await collected(c.req.raw.body, limit);
    } finally {
      reserved -= size;
    }
  }

  return {
    bytes,
    async json(c, schema, limit) {
      const type = c.req.header('content-type') ?? '';
      if (!/^application\/(json|[\w.-]+\+json)\s*(;|$)/i.test(type))
        throw new Problem(415, 'not-json', 'the body is not said to be JSON', {
          expected: 'content-type: application/json',
          got: shown(type || 'none'),
        });
      const body = await bytes(c, limit);
      let value: unknown;
      try {
        value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
      } catch (error) {
        const reason = error instanceof Error ? error.message : '';
        throw new Problem(400, 'bad-json', 'the body is not JSON', { expected: 'JSON in UTF-8', got: shown(reason) });
      }
      const parsed = v.safeParse(schema, value);
      if (parsed.success) return parsed.output;
      const [issue] = parsed.issues;
      const where = v.getDotPath(issue) ?? 'the body';
      throw new Problem(400, 'bad-request', `${where}: ${issue.message}`, {
        expected: issue.expected ?? issue.message,
        got: issue.received,
      });
    },
  };
}

function tooLarge(limit: number, got: number | null): Problem {
  return new Problem(413, 'body-too-large', 'the body is too large', {
    expected: `at most ${limit} bytes`,
    got: got === null ? `more than ${limit} bytes` : `${got} bytes`,
  });
}

async function collected(body: ReadableStream<Uint8Array> | null, limit: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  if (body !== null) {
    const reader = body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      length += value.length;
      if (length > limit) {
        // The rest is not waited for; a failure to stop it is the sender's.
        void reader.cancel().catch(() => undefined);
        throw tooLarge(limit, null);
      }
      parts.push(value);
    }
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
