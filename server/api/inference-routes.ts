/** `/v1/inferences`: requests, their progress, their bundles. */
import type { HttpBindings } from '@hono/node-server';
import { Hono, type Context } from 'hono';
import { streamSSE } from 'hono/streaming';
import { Problem, type Coordinator, type NumberedEvent } from '../coordinator.ts';
import { inferenceRequestSchema, inferenceSchema, uuidSchema } from '../wire/http.ts';
import * as v from 'valibot';
import type { BodyReader } from './body.ts';
import { blobResponse } from './blob-response.ts';
import { headerParameter, operation, pathParameter } from './operation.ts';
import { shown } from './problem.ts';

/** A comment this often, so that nothing between server and client takes the stream for dead. */
const KEEP_ALIVE = 15_000;

const idParameter = pathParameter('id', 'UUID of the request');

export interface InferenceRoutesOptions {
  readonly coordinator: Coordinator;
  readonly body: BodyReader;
  /** Whom limits are counted against. */
  readonly addressOf: (c: Context<{ Bindings: HttpBindings }>) => string;
  /** Ends the streams of events. */
  readonly over: AbortSignal;
  readonly maxInputBytes: number;
}

export function inferenceRoutes({
  coordinator,
  body,
  addressOf,
  over,
  maxInputBytes,
}: InferenceRoutesOptions): Hono<{ Bindings: HttpBindings }> {
  const app = new Hono<{ Bindings: HttpBindings }>();

  app.post(
    '/inferences',
    operation({
      tag: 'inferences',
      summary: 'Ask for an inference and its proof',
      description:
        'The outputs in the answer are claimed, not yet proven. The same idempotency key with the same request gives the same inference.',
      parameters: [headerParameter('idempotency-key', 'Any text of 1 to 255 printable characters')],
      body: inferenceRequestSchema,
      answers: { 202: { description: 'The inference, being proven', schema: inferenceSchema } },
      problems: {
        400: 'bad-json, bad-request, idempotency-key, input-count, input-size, slices',
        404: 'unknown-model',
        409: 'idempotency-conflict',
        413: 'body-too-large',
        415: 'not-json',
        429: 'too many requests are open',
        503: 'busy, draining',
      },
    }),
    async (c) => {
      const idempotencyKey = c.req.header('idempotency-key') ?? null;
      if (idempotencyKey !== null && !/^[\x21-\x7e]{1,255}$/.test(idempotencyKey)) {
        throw new Problem(400, 'idempotency-key', 'the idempotency key is none', {
          expected: '1 to 255 printable ASCII characters without spaces',
          got: shown(idempotencyKey),
        });
      }
      const request = await body.json(c, inferenceRequestSchema, maxInputBytes);
      const inference = await coordinator.infer(request, { idempotencyKey, address: addressOf(c) });
      return c.json(inference, 202, { location: `/v1/inferences/${inference.id}` });
    },
  );

  app.get(
    '/inferences/:id',
    operation({
      tag: 'inferences',
      summary: 'An inference',
      parameters: [idParameter],
      answers: { 200: { description: 'How it stands', schema: inferenceSchema } },
      problems: { 400: 'bad-id', 404: 'unknown-inference' },
    }),
    async (c) => {
      const id = checkedId(c.req.param('id'));
      const inference = await coordinator.inference(id);
      if (inference === null) throw unknown(id);
      return c.json(inference, 200, { 'cache-control': 'no-store' });
    },
  );

  app.get(
    '/inferences/:id/events',
    operation({
      tag: 'inferences',
      summary: 'What happens to an inference, as it happens',
      description:
        'Server-sent events `snapshot`, `job`, `over`; the data of each is one event as JSON, its id its number. The stream ends when the inference is over; a lost one is resumed with Last-Event-ID.',
      parameters: [idParameter, headerParameter('last-event-id', 'Number of the last event that is known')],
      answers: { 200: { description: 'The events', type: 'text/event-stream' } },
      problems: { 400: 'bad-id, last-event-id', 404: 'unknown-inference' },
    }),
    async (c) => {
      const id = checkedId(c.req.param('id'));
      const last = c.req.header('last-event-id') ?? '0';
      if (!/^\d{1,15}$/.test(last))
        throw new Problem(400, 'last-event-id', 'Last-Event-ID is no number of an event', { expected: 'a number', got: shown(last) });
      const gone = new AbortController();
      const events = await coordinator.events(id, Number(last), AbortSignal.any([gone.signal, over]));
      if (events === null) throw unknown(id);
      // Proxies that collect answers before they pass them on are asked not to.
      c.header('x-accel-buffering', 'no');
      c.header('cache-control', 'no-store');
      return streamSSE(c, async (stream) => {
        stream.onAbort(() => gone.abort());
        const keepAlive = setInterval(() => void stream.write(': \n\n'), KEEP_ALIVE);
        let known = Number(last);
        const send = async (some: AsyncIterable<NumberedEvent>): Promise<void> => {
          for await (const { id: number, event } of some) {
            if (stream.aborted) break;
            await stream.writeSSE({ id: String(number), event: event.type, data: JSON.stringify(event) });
            known = number;
          }
        };
        try {
          await send(events);
          // A request that ended while all ends is told to its end.
          const ended = over.aborted && !stream.aborted && (await coordinator.inference(id))?.state !== 'proving';
          const rest = ended ? await coordinator.events(id, known, gone.signal) : null;
          if (rest !== null) await send(rest);
        } finally {
          clearInterval(keepAlive);
          gone.abort();
        }
      });
    },
  );

  app.get(
    '/inferences/:id/bundle',
    operation({
      tag: 'inferences',
      summary: 'The answer with all its proofs, as a file',
      parameters: [idParameter],
      answers: {
        200: { description: 'The bundle', type: 'application/octet-stream' },
        206: { description: 'A part of it', type: 'application/octet-stream' },
        304: { description: 'It is known' },
      },
      problems: { 400: 'bad-id', 404: 'unknown-inference, no-bundle', 409: 'not-proven', 416: 'range' },
    }),
    async (c) => {
      const id = checkedId(c.req.param('id'));
      const bundle = await coordinator.bundle(id);
      if (bundle === null) throw await withoutBundle(coordinator, id);
      return blobResponse(c, bundle, id, {
        'content-type': 'application/octet-stream',
        'content-disposition': `attachment; filename="${id}.bundle"`,
        'cache-control': 'private, max-age=3600',
      });
    },
  );
  return app;
}

function checkedId(id: string): string {
  if (v.is(uuidSchema, id)) return id;
  throw new Problem(400, 'bad-id', 'the id of the inference is none', { expected: 'a UUID in lower case', got: shown(id) });
}

function unknown(id: string): Problem {
  return new Problem(404, 'unknown-inference', 'there is no such inference (any more)', { expected: 'the id of an inference', got: id });
}

/** Why there is no bundle. */
async function withoutBundle(coordinator: Coordinator, id: string): Promise<Problem> {
  const inference = await coordinator.inference(id);
  if (inference === null) return unknown(id);
  if (inference.state === 'proving')
    return new Problem(409, 'not-proven', 'the inference is still being proven', {
      expected: 'a proven inference',
      got: 'proving',
      retryAfter: 1,
    });
  if (inference.state === 'failed') {
    return new Problem(404, 'no-bundle', 'the inference failed, so there is no bundle', {
      expected: 'a proven inference',
      got: inference.error?.code ?? 'failed',
    });
  }
  return new Problem(404, 'no-bundle', 'the bundle is not kept any more', { hint: 'bundles are kept for seven days' });
}
