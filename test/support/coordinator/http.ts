/** The HTTP interface of the test coordinator, as far as miners and clients use it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import * as v from 'valibot';
import { encodeBundle } from '../../../server/wire/bundle.ts';
import { inferenceRequestSchema } from '../../../server/wire/http.ts';
import type { TestCoordinator, TestRequest } from './coordinator.ts';

/** By idempotency key. */
const requestsByKey = new WeakMap<TestCoordinator, Map<string, TestRequest>>();

export function answerHttp(coordinator: TestCoordinator, incoming: IncomingMessage, response: ServerResponse): void {
  const { method = 'GET', url = '/' } = incoming;
  const { pathname } = new URL(url, coordinator.url);
  const json = (status: number, body: unknown): void => {
    response.writeHead(status, { 'content-type': status < 400 ? 'application/json' : 'application/problem+json' });
    response.end(JSON.stringify(body));
  };
  const problem = (status: number, code: string, detail: string): void =>
    json(status, { type: 'about:blank', title: code, status, detail, code });
  const fault = coordinator.faults.http(method, pathname);
  if (fault === 0) {
    incoming.socket.destroy();
    return;
  }
  if (fault !== null) {
    problem(fault, 'fault', 'as the test wants it');
    return;
  }

  const [, version, resource, id, part] = pathname.split('/');
  if (version !== 'v1') {
    problem(404, 'not-found', pathname);
    return;
  }
  if (resource === 'blobs' && id) {
    const bytes = coordinator.blobs.get(id);
    if (!bytes) {
      problem(404, 'unknown-blob', id);
      return;
    }
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': bytes.length });
    response.end(bytes);
    return;
  }
  if (resource === 'models') {
    if (!id) {
      json(200, { models: coordinator.models.map(({ info }) => info) });
      return;
    }
    const model = coordinator.models.find(({ info }) => info.digest === id || info.name === id);
    if (model) json(200, model.info);
    else problem(404, 'unknown-model', id);
    return;
  }
  if (resource !== 'inferences') {
    problem(404, 'not-found', pathname);
    return;
  }
  if (method === 'POST') {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      try {
        const request = requested(coordinator, incoming.headers['idempotency-key'] as string | undefined, Buffer.concat(chunks).toString());
        json(201, request.inference);
      } catch (error) {
        problem(
          error instanceof RangeError ? 404 : 400,
          error instanceof RangeError ? 'unknown-model' : 'bad-request',
          (error as Error).message,
        );
      }
    });
    return;
  }
  const request = coordinator.requests.get(id ?? '');
  if (!request) {
    problem(404, 'unknown-inference', id ?? '');
    return;
  }
  if (part === undefined) {
    json(200, request.inference);
    return;
  }
  if (part === 'events') {
    streamEvents(coordinator, request, incoming, response);
    return;
  }
  if (part !== 'bundle' || !request.bundle) {
    problem(404, 'no-bundle', 'not proven');
    return;
  }
  response.writeHead(200, { 'content-type': 'application/octet-stream' });
  response.end(encodeBundle(coordinator.faults.bundle(request.bundle)));
}

function requested(coordinator: TestCoordinator, key: string | undefined, body: string): TestRequest {
  const byKey = requestsByKey.get(coordinator) ?? new Map<string, TestRequest>();
  requestsByKey.set(coordinator, byKey);
  const known = key === undefined ? undefined : byKey.get(key);
  if (known) return known;
  const { model, inputs, slices } = v.parse(inferenceRequestSchema, JSON.parse(body));
  const bytes = inputs.map((input) => new Uint8Array(Buffer.from(input, 'base64')));
  const request = coordinator.infer(model, bytes, { slices });
  if (key !== undefined) byKey.set(key, request);
  return request;
}

function streamEvents({ faults }: TestCoordinator, request: TestRequest, incoming: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  let next = Number(incoming.headers['last-event-id'] ?? 0);
  let sent = 0;
  const write = (): void => {
    while (next < request.events.length && sent < faults.eventsPerStream) {
      const event = request.events[next]!;
      next += 1;
      sent += 1;
      response.write(`id: ${next}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
      if (event.type === 'over') response.end();
    }
    if (sent >= faults.eventsPerStream) response.end();
  };
  request.listeners.add(write);
  response.on('close', () => request.listeners.delete(write));
  write();
}
