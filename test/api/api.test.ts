/** The HTTP interface on real sockets: the built-in model, an embedded database, a real miner. */
import { connect } from 'node:net';
import { mkdirSync, writeFileSync } from 'node:fs';
import { blake3 } from '@noble/hashes/blake3.js';
import * as v from 'valibot';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeBundle } from '../../server/wire/bundle.ts';
import {
  eventSchema,
  inferenceSchema,
  modelListSchema,
  problemSchema,
  type Inference,
  type InferenceEvent,
  type Model,
} from '../../server/wire/http.ts';
import type { Miner } from '../../web/miner/miner.ts';
import { temporaryFolder } from '../support/cli.ts';
import { schemaFaults } from '../support/json-schema.ts';
import { stateWhere, testMiner } from '../support/mining.ts';
import { serveInTest, type TestCoordinator } from '../support/serving.ts';

const web = temporaryFolder();
let served: TestCoordinator;
let miner: Miner;
let digits: Model;

beforeAll(async () => {
  mkdirSync(web.file('assets'));
  for (const [name, content] of Object.entries({
    'index.html': '<title>verify</title>',
    'mine.html': '<title>mine</title>',
    'models.html': '<title>models</title>',
    'assets/main-Abcd1234.js': `export const text = ${JSON.stringify('x'.repeat(5000))};`,
  }))
    writeFileSync(web.file(name), content);
  served = await serveInTest({ web: web.path, maxInputBytes: 100_000 });
  miner = testMiner(served.origin);
  miner.start();
  await stateWhere(miner, ({ connection }) => connection.kind === 'connected');
  digits = v.parse(modelListSchema, await (await get('/v1/models')).json()).models[0]!;
});

afterAll(async () => {
  await miner.stop();
  await served.stop();
  web.remove();
});

const get = (path: string, headers: Record<string, string> = {}, method = 'GET') => fetch(`${served.origin}${path}`, { method, headers });
const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(`${served.origin}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
const image = (ink: number): string => Buffer.alloc(784, ink).toString('base64');
const ask = async (ink: number, slices = 1): Promise<Inference> => {
  const response = await post('/v1/inferences', { model: 'digits', inputs: [image(ink)], slices });
  expect(response.status).toBe(202);
  return v.parse(inferenceSchema, await response.json());
};

/** The problem that a response is. */
async function problem(response: Response): Promise<v.InferOutput<typeof problemSchema> & { readonly headers: Headers }> {
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  const document = v.parse(problemSchema, await response.json());
  expect(document.status).toBe(response.status);
  expect(document.type).toBe(`urn:veritab:problem:${document.code}`);
  return { ...document, headers: response.headers };
}

interface StreamEvent {
  readonly id: number;
  readonly event: InferenceEvent;
}

/** Events as they come, to the end of the stream or for as long as whoever reads wants more. */
async function* events(id: string, last?: number): AsyncGenerator<StreamEvent> {
  const response = await get(`/v1/inferences/${id}/events`, last === undefined ? {} : { 'last-event-id': String(last) });
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  let text = '';
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const fields = Object.fromEntries(
        text
          .slice(0, end)
          .split('\n')
          .map((line) => /^(\w*): ?(.*)$/.exec(line)!.slice(1) as [string, string]),
      );
      text = text.slice(end + 2);
      if (fields.data === undefined) continue;
      const event = v.parse(eventSchema, JSON.parse(fields.data));
      expect(fields.event).toBe(event.type);
      yield { id: Number(fields.id), event };
    }
  }
}

async function collect(from: AsyncIterable<StreamEvent>): Promise<StreamEvent[]> {
  const all = [];
  for await (const event of from) all.push(event);
  return all;
}

describe('a request', () => {
  it('is answered at once, proven, and its bundle holds what was asked and answered', async () => {
    const inference = await ask(7);
    expect(inference).toMatchObject({ model: digits.digest, state: 'proving', cuts: [], finished: null });
    const all = await collect(events(inference.id));
    expect(all.map(({ event }) => event.type)).toEqual(['snapshot', ...Array.from({ length: all.length - 2 }, () => 'job'), 'over']);
    const over = all.at(-1)!.event;
    if (over.type !== 'over') throw new Error('expected the end');
    expect(over.inference).toMatchObject({ state: 'proven', outputs: inference.outputs });
    expect(await (await get(`/v1/inferences/${inference.id}`)).json()).toMatchObject({ state: 'proven', outputs: inference.outputs });
    const response = await get(`/v1/inferences/${inference.id}/bundle`);
    expect(response.headers.get('content-disposition')).toContain(`${inference.id}.bundle`);
    const bundle = decodeBundle(new Uint8Array(await response.arrayBuffer()));
    expect(Buffer.from(bundle.inputs[0]!).toString('base64')).toBe(image(7));
    expect(bundle.request).toBe(inference.id);
  });

  it('can be followed from where a stream was lost', async () => {
    const inference = await ask(9, 3);
    const seen: StreamEvent[] = [];
    // A stream that is cut after each event, and taken up again.
    for (;;) {
      let next: StreamEvent | undefined;
      for await (const event of events(inference.id, seen.at(-1)?.id)) {
        next = event;
        break;
      }
      seen.push(next!);
      if (next!.event.type === 'over') break;
    }
    const ids = seen.map(({ id }) => id);
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
    expect(seen[0]!.event.type).toBe('snapshot');
    // Afterwards: from the beginning, and from the middle.
    const whole = await collect(events(inference.id));
    expect(whole.at(-1)).toEqual(seen.at(-1));
    const late = await collect(events(inference.id, ids.at(-2)));
    expect(late).toEqual([seen.at(-1)]);
    expect(await collect(events(inference.id, ids.at(-1)))).toEqual([]);
  });

  it('is the same for the same idempotency key, and refused for another body', async () => {
    const key = { 'idempotency-key': 'once' };
    const body = { model: digits.digest, inputs: [image(3)] };
    const [first, second] = [await post('/v1/inferences', body, key), await post('/v1/inferences', body, key)];
    expect(((await first.json()) as Inference).id).toBe(((await second.json()) as Inference).id);
    expect(await problem(await post('/v1/inferences', { ...body, inputs: [image(4)] }, key))).toMatchObject({
      status: 409,
      code: 'idempotency-conflict',
    });
    expect(await problem(await post('/v1/inferences', body, { 'idempotency-key': 'two words' }))).toMatchObject({
      status: 400,
      code: 'idempotency-key',
    });
  });
});

describe('bad input', () => {
  const body = () => ({ model: 'digits', inputs: [image(1)] });
  it.each([
    ['an unknown model', () => ({ ...body(), model: 'nobody' }), 404, 'unknown-model'],
    ['an input that is too short', () => ({ ...body(), inputs: [Buffer.alloc(783).toString('base64')] }), 400, 'input-size'],
    ['two inputs for one', () => ({ ...body(), inputs: [image(1), image(1)] }), 400, 'input-count'],
    ['an input that is no base64', () => ({ ...body(), inputs: ['***'] }), 400, 'bad-request'],
    ['an input that is no text', () => ({ ...body(), inputs: [[1, 2, 3]] }), 400, 'bad-request'],
    ['no inputs', () => ({ model: 'digits' }), 400, 'bad-request'],
    ['an unknown field', () => ({ ...body(), speed: 'fast' }), 400, 'bad-request'],
    ['slices that the model is not cut into', () => ({ ...body(), slices: 2 }), 400, 'slices'],
    ['a deadline that is too late', () => ({ ...body(), deadline_ms: 600_001 }), 400, 'bad-request'],
    ['JSON that is none', () => '{"model":', 400, 'bad-json'],
    ['JSON that is no object', () => '[]', 400, 'bad-request'],
    ['a prototype', () => '{"model":"__proto__","inputs":["AA=="]}', 404, 'unknown-model'],
  ])('%s is refused by name', async (_, make, status, code) => {
    const refused = await problem(await post('/v1/inferences', make()));
    expect(refused).toMatchObject({ status, code });
    expect(refused.detail).not.toBe('');
  });

  it('says what was expected and what came', async () => {
    const short = await problem(await post('/v1/inferences', { ...body(), inputs: ['AAAA'] }));
    expect(short).toMatchObject({ expected: '784 bytes, 1 x 1 x 28 x 28 of 0 to 255', got: '3 bytes' });
    const field = await problem(await post('/v1/inferences', { ...body(), inputs: [image(1), 5] }));
    expect(field).toMatchObject({ detail: 'inputs.1: Invalid type: Expected string but received 5', got: '5' });
  });

  it('is refused where it is not said to be JSON, or is not UTF-8', async () => {
    expect(await problem(await post('/v1/inferences', body(), { 'content-type': 'text/plain' }))).toMatchObject({
      status: 415,
      code: 'not-json',
    });
    const bytes = await fetch(`${served.origin}/v1/inferences`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: Uint8Array.of(0x22, 0xff, 0x22),
    });
    expect(await problem(bytes)).toMatchObject({ status: 400, code: 'bad-json' });
  });

  it('is refused before it is sent where it says that it is too large', async () => {
    const url = new URL(served.origin);
    const socket = connect(Number(url.port), url.hostname);
    socket.write('POST /v1/inferences HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000000000\r\n\r\n');
    let text = '';
    for await (const chunk of socket) {
      text += String(chunk);
      if (text.includes('body-too-large')) break;
    }
    expect(text).toMatch(/^HTTP\/1\.1 413 /);
    expect(text.toLowerCase()).toContain('connection: close');
  });

  it('is refused where it turns out to be too large', async () => {
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 65_536;
        controller.enqueue(new Uint8Array(65_536).fill(0x20));
      },
    });
    const response = await fetch(`${served.origin}/v1/inferences`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: endless,
      duplex: 'half',
    } as RequestInit);
    expect(await problem(response)).toMatchObject({ status: 413, code: 'body-too-large', expected: 'at most 100000 bytes' });
    expect(sent).toBeLessThan(2 ** 24);
  });

  it.each([
    ['GET', '/v1/nothing', 404, 'unknown-route'],
    ['GET', '/v2/models', 404, 'unknown-route'],
    ['GET', '/nothing/at/all', 404, 'unknown-route'],
    ['DELETE', '/v1/models', 405, 'method'],
    ['POST', '/v1/stats', 405, 'method'],
    ['GET', '/v1/models/nobody', 404, 'unknown-model'],
    ['GET', '/v1/inferences/nobody', 400, 'bad-id'],
    ['GET', '/v1/inferences/01a21344-b66d-71d1-b394-7e22460e0d46', 404, 'unknown-inference'],
    ['GET', '/v1/inferences/01a21344-b66d-71d1-b394-7e22460e0d46/events', 404, 'unknown-inference'],
    ['GET', '/v1/inferences/01a21344-b66d-71d1-b394-7e22460e0d46/bundle', 404, 'unknown-inference'],
    ['GET', `/v1/blobs/${'0'.repeat(64)}`, 404, 'unknown-blob'],
    ['GET', `/v1/blobs/${'A'.repeat(64)}`, 400, 'bad-hash'],
    ['GET', '/v1/blobs/..%2f..%2fcoordinator.key', 400, 'bad-hash'],
    ['GET', '/v1/blobs/%2e%2e%2fcoordinator.key', 400, 'bad-hash'],
    ['GET', '/v1/blobs/%00', 400, 'bad-hash'],
  ])('%s %s is %i %s', async (method, path, status, code) => {
    expect(await problem(await get(path, {}, method))).toMatchObject({ status, code });
  });

  it('names the methods that there are', async () => {
    expect((await problem(await get('/v1/models', {}, 'PUT'))).headers.get('allow')).toBe('GET, POST');
  });

  it('is refused as the number of an event', async () => {
    const { id } = await ask(1);
    expect(await problem(await get(`/v1/inferences/${id}/events`, { 'last-event-id': 'x' }))).toMatchObject({
      status: 400,
      code: 'last-event-id',
    });
  });

  it('is a bundle before there is one', async () => {
    await miner.stop();
    try {
      const { id } = await ask(2);
      const early = await problem(await get(`/v1/inferences/${id}/bundle`));
      expect(early).toMatchObject({ status: 409, code: 'not-proven' });
      expect(early.headers.get('retry-after')).toBe('1');
    } finally {
      miner.start();
    }
  });
});

describe('a blob', () => {
  const blob = () => `/v1/blobs/${digits.circuitBlob}`;

  it('is what its name says, for ever', async () => {
    const response = await get(blob());
    const bytes = new Uint8Array(await response.arrayBuffer());
    expect(bytes.length).toBe(digits.circuitBytes);
    expect(Buffer.from(blake3(bytes)).toString('hex')).toBe(digits.circuitBlob);
    expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(response.headers.get('etag')).toBe(`"${digits.circuitBlob}"`);
    expect(response.headers.get('cross-origin-resource-policy')).toBe('cross-origin');
  });

  it('comes in ranges', async () => {
    const whole = new Uint8Array(await (await get(blob())).arrayBuffer());
    const size = whole.length;
    const cases = [
      ['bytes=0-9', 0, 10],
      ['bytes=100-', 100, size],
      ['bytes=-7', size - 7, size],
      [`bytes=5-${10 * size}`, 5, size],
    ] as const;
    for (const [range, begin, end] of cases) {
      const response = await get(blob(), { range });
      expect(response.status, range).toBe(206);
      expect(response.headers.get('content-range')).toBe(`bytes ${begin}-${end - 1}/${size}`);
      expect(new Uint8Array(await response.arrayBuffer())).toEqual(whole.slice(begin, end));
    }
    for (const range of ['bytes=1-2,5-6', 'bytes=9-3', 'lines=1-2', 'bytes=-', 'nonsense'])
      expect((await get(blob(), { range })).status, range).toBe(200);
    for (const range of [`bytes=${size}-`, 'bytes=-0'])
      expect(await problem(await get(blob(), { range })), range).toMatchObject({ status: 416, code: 'range' });
  });

  it('is not sent again to whoever knows it', async () => {
    const known = await get(blob(), { 'if-none-match': `"${digits.circuitBlob}"` });
    expect([known.status, await known.text()]).toEqual([304, '']);
    const other = await get(blob(), { range: 'bytes=0-9', 'if-range': '"another"' });
    expect([other.status, (await other.arrayBuffer()).byteLength]).toEqual([200, digits.circuitBytes]);
    const head = await get(blob(), {}, 'HEAD');
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, String(digits.circuitBytes), '']);
  });

  it('is kept for a publication, under its own name only', async () => {
    const bytes = new TextEncoder().encode('not a model');
    const hash = Buffer.from(blake3(bytes)).toString('hex');
    const put = (name: string) => fetch(`${served.origin}/v1/blobs/${name}`, { method: 'PUT', body: bytes });
    expect(await problem(await put('0'.repeat(64)))).toMatchObject({ status: 400, code: 'wrong-hash', got: hash });
    expect((await put(hash)).status).toBe(201);
    expect(await (await get(`/v1/blobs/${hash}`)).text()).toBe('not a model');
  });
});

describe('pages', () => {
  it('are isolated, and run what is theirs only', async () => {
    const { headers } = await get('/');
    expect(headers.get('cross-origin-opener-policy')).toBe('same-origin');
    expect(headers.get('cross-origin-embedder-policy')).toBe('require-corp');
    const policy = headers.get('content-security-policy')!.split('; ');
    expect(policy).toEqual(expect.arrayContaining(["default-src 'self'", "script-src 'self' 'wasm-unsafe-eval'", "worker-src 'self'"]));
    expect(headers.get('cache-control')).toBe('no-cache');
  });

  it.each([
    ['/', 'verify'],
    ['/mine', 'mine'],
    ['/models', 'models'],
    [`/models/${'0'.repeat(64)}`, 'models'],
  ])('%s is the page to %s', async (path, title) => {
    expect(await (await get(path)).text()).toBe(`<title>${title}</title>`);
  });

  it('have assets that are compressed and never change', async () => {
    const response = await get('/assets/main-Abcd1234.js', { 'accept-encoding': 'br' });
    expect(response.headers.get('content-encoding')).toBe('br');
    expect(Number(response.headers.get('content-length'))).toBeLessThan(200);
    expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(await response.text()).toContain('xxxx');
    const known = await get('/assets/main-Abcd1234.js', { 'accept-encoding': 'br', 'if-none-match': response.headers.get('etag')! });
    expect(known.status).toBe(304);
  });

  it.each(['/..%2fcoordinator.key', '/%2e%2e/%2e%2e/etc/passwd', '/assets/..%2f..%2fetc%2fpasswd', '/models/missing.js', '//etc/passwd'])(
    'do not lead out of their folder: %s',
    async (path) => {
      expect(await problem(await get(path))).toMatchObject({ status: 404, code: 'unknown-route' });
    },
  );
});

describe('other origins', () => {
  it('may use the interface', async () => {
    const preflight = await get(
      '/v1/inferences',
      {
        origin: 'https://elsewhere.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type,idempotency-key',
      },
      'OPTIONS',
    );
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe('*');
    expect(preflight.headers.get('access-control-allow-headers')).toContain('idempotency-key');
    const refused = await get('/v1/models/nobody', { origin: 'https://elsewhere.example' });
    expect(refused.headers.get('access-control-allow-origin')).toBe('*');
  });
});

describe('the OpenAPI document', () => {
  interface Operation {
    readonly responses: Record<string, { content?: Record<string, { schema?: Record<string, unknown> }> }>;
    readonly requestBody?: { content: Record<string, unknown> };
  }
  interface Document {
    readonly openapi: string;
    readonly paths: Record<string, Record<string, Operation>>;
  }
  const read = async (): Promise<Document> => (await (await get('/openapi.json')).json()) as Document;

  it('has every route', async () => {
    const { openapi, paths } = await read();
    expect(openapi).toMatch(/^3\.1\./);
    const routes = Object.entries(paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`));
    expect(routes.sort()).toEqual([
      'get /healthz',
      'get /metrics',
      'get /readyz',
      'get /v1/blobs/{hash}',
      'get /v1/coordinator',
      'get /v1/inferences/{id}',
      'get /v1/inferences/{id}/bundle',
      'get /v1/inferences/{id}/events',
      'get /v1/miners',
      'get /v1/models',
      'get /v1/models/{digest}',
      'get /v1/stats',
      'post /v1/blobs',
      'post /v1/inferences',
      'post /v1/models',
      'put /v1/blobs/{hash}',
    ]);
  });

  it('describes what is really answered', async () => {
    const { paths } = await read();
    const { id } = await ask(5);
    const calls: [path: string, route: string, method: string, body?: unknown][] = [
      ['/healthz', '/healthz', 'get'],
      ['/readyz', '/readyz', 'get'],
      ['/v1/coordinator', '/v1/coordinator', 'get'],
      ['/v1/miners', '/v1/miners', 'get'],
      ['/v1/stats', '/v1/stats', 'get'],
      ['/v1/models', '/v1/models', 'get'],
      ['/v1/models/digits', '/v1/models/{digest}', 'get'],
      ['/v1/models/nobody', '/v1/models/{digest}', 'get'],
      ['/v1/inferences', '/v1/inferences', 'post', { model: 'digits', inputs: [image(6)] }],
      ['/v1/inferences', '/v1/inferences', 'post', { model: 'digits', inputs: [] }],
      ['/v1/inferences', '/v1/inferences', 'post', { model: 'nobody', inputs: [image(6)] }],
      ['/v1/models', '/v1/models', 'post', {}],
      [`/v1/inferences/${id}`, '/v1/inferences/{id}', 'get'],
      ['/v1/inferences/x', '/v1/inferences/{id}', 'get'],
      ['/v1/blobs/x', '/v1/blobs/{hash}', 'get'],
    ];
    for (const [path, route, method, body] of calls) {
      const response = await (method === 'post' ? post(path, body) : get(path));
      const described = paths[route]![method]!.responses[String(response.status)];
      expect(described, `${method} ${route} ${response.status}`).toBeDefined();
      const type = response.headers.get('content-type')!.split(';')[0]!;
      const schema = described!.content![type]!.schema!;
      expect(Object.keys(schema).length).toBeGreaterThan(0);
      expect(schemaFaults(schema, await response.json()), `${method} ${path}`).toEqual([]);
    }
  });

  it('is shown by a page that loads nothing from elsewhere', async () => {
    const page = await get('/docs');
    expect(page.headers.get('content-security-policy')).toContain("default-src 'self'");
    const addresses = [...(await page.text()).matchAll(/(?:src|href|spec-url)="([^"]+)"/g)].map(([, address]) => address!);
    expect(addresses).toEqual(['/docs/openapi-explorer.js', '/openapi.json']);
    for (const address of addresses) expect((await get(address)).status).toBe(200);
  });
});

describe('figures', () => {
  it('count what was served and proven', async () => {
    const { id } = await ask(8);
    await collect(events(id));
    const text = await (await get('/metrics')).text();
    const value = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
    expect(value('veritab_verdicts_total{ok="true",check=""}')).toBeGreaterThan(0);
    const circuit = digits.plans[0]!.slices[0]!.digest;
    expect(value(`veritab_proof_milliseconds_count{circuit="${circuit}"}`)).toBeGreaterThan(0);
    expect(value(`veritab_proof_bytes_sum{circuit="${circuit}"}`)).toBeGreaterThan(10_000);
    expect(value('veritab_miners')).toBe(1);
    expect(text).toMatch(/^veritab_http_milliseconds_count\{method="POST",route="\/v1\/inferences",status="202"\} [1-9]/m);
    expect(text).not.toContain(id);
  });

  it('leave no failure in the log', () => {
    expect(served.logged.filter(({ level }) => level === 'error')).toEqual([]);
  });
});
