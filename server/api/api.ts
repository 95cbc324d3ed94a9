/** The HTTP interface of a coordinator, and the pages that it serves. */
import type { HttpBindings } from '@hono/node-server';
import { Hono, type Context } from 'hono';
import { cors } from 'hono/cors';
import { HTTPException } from 'hono/http-exception';
import { routePath } from 'hono/route';
import type { BlockList } from 'node:net';
import { Problem, type Coordinator } from '../coordinator.ts';
import type { Log } from '../dispatch/observer.ts';
import { clientAddress } from './address.ts';
import { blobRoutes, type BlobRoutesOptions } from './blob-routes.ts';
import { createBodyReader } from './body.ts';
import { docsRoutes, openApiDocument } from './docs.ts';
import { inferenceRoutes, type InferenceRoutesOptions } from './inference-routes.ts';
import type { Metrics } from './metrics.ts';
import { modelRoutes } from './models-routes.ts';
import type { Pages } from './pages.ts';
import { problemResponse, shown } from './problem.ts';
import { statusRoutes } from './status-routes.ts';

export interface ApiOptions {
  readonly coordinator: Coordinator;
  readonly metrics: Metrics;
  readonly pages: Pages;
  readonly log: Log;
  /** Version of the software. */
  readonly version: string;
  /** Origins whose pages may use the interface; `*` for all. */
  readonly corsOrigins: readonly string[];
  readonly trustedProxies: BlockList;
  readonly limits: Pick<InferenceRoutesOptions, 'maxInputBytes'> & Pick<BlobRoutesOptions, 'maxModelBytes' | 'maxUploadBytes'>;
  /** Whether no more requests are taken. */
  readonly draining: () => boolean;
  /** Ends the streams of events: who follows them goes on elsewhere, or later. */
  readonly over: AbortSignal;
  /** Figures beside `Coordinator.stats`. */
  readonly figures: () => Readonly<Record<string, number>>;
}

export type Api = Hono<{ Bindings: HttpBindings }>;

/** Bytes of all bodies that are being read at a time, where none may be larger. */
const BODY_BYTES = 2 ** 28;

/** Answers of more than this many milliseconds are worth a line in the log. */
const SLOW = 5000;

export function createApi(options: ApiOptions): Api {
  const { coordinator, metrics, pages, log, limits } = options;
  const app: Api = new Hono();
  const body = createBodyReader(Math.max(BODY_BYTES, limits.maxInputBytes, limits.maxModelBytes));
  const addressOf = (c: Context<{ Bindings: HttpBindings }>): string => clientAddress(c.env.incoming, options.trustedProxies);

  app.use(async (c, next) => {
    const start = performance.now();
    await next();
    const ms = performance.now() - start;
    const route = routePath(c, -1);
    metrics.served({ method: c.req.method, route, status: c.res.status, ms });
    if ((c.res.status >= 500 && c.res.status !== 503) || ms > SLOW)
      log.warn({ method: c.req.method, route, status: c.res.status, ms: Math.round(ms) }, 'slow or failed');
    // Whoever was told to come again, or sent too much, is not listened to any longer on this connection.
    if (c.res.status === 413 || options.draining()) c.header('connection', 'close');
  });
  const origins = [...options.corsOrigins];
  const crossOrigin = cors({
    origin: origins.includes('*') ? '*' : origins,
    allowMethods: ['GET', 'HEAD', 'POST', 'PUT'],
    allowHeaders: ['content-type', 'idempotency-key', 'last-event-id', 'range', 'if-range', 'if-none-match'],
    exposeHeaders: ['content-range', 'accept-ranges', 'etag', 'location', 'retry-after'],
    maxAge: 86_400,
  });
  for (const path of ['/v1/*', '/openapi.json', '/healthz', '/readyz']) {
    app.use(path, crossOrigin);
    app.use(path, async (c, next) => {
      await next();
      c.header('cross-origin-resource-policy', 'cross-origin');
      c.header('x-content-type-options', 'nosniff');
    });
  }
  app.use('/v1/*', async (c, next) => {
    if (options.draining() && !['GET', 'HEAD', 'OPTIONS'].includes(c.req.method))
      throw new Problem(503, 'draining', 'the coordinator is going down', { retryAfter: 5, hint: 'send it again in a few seconds' });
    await next();
  });

  app.route('/v1', modelRoutes(coordinator, body));
  app.route('/v1', inferenceRoutes({ coordinator, body, addressOf, over: options.over, ...limits }));
  app.route('/v1', blobRoutes({ coordinator, body, addressOf, ...limits }));
  app.route('/', statusRoutes(options));
  app.route(
    '/',
    docsRoutes(() => openApiDocument(app, coordinator.identity.origin, options.version)),
  );

  app.notFound(async (c) => {
    const { method, path } = c.req;
    const allowed = app.routes.filter((route) => route.method !== 'ALL' && matches(route.path, path)).map((route) => route.method);
    if (allowed.length > 0) {
      const methods = [...new Set(allowed)].join(', ');
      const problem = new Problem(405, 'method', `${method} is not possible here`, { expected: methods, got: method });
      return problemResponse(problem, { allow: methods });
    }
    const page = ['GET', 'HEAD'].includes(method) && !/^\/v\d+(\/|$)/.test(path) ? await pages.respond(c.req.raw) : null;
    if (page !== null) return page;
    return problemResponse(
      new Problem(404, 'unknown-route', 'there is nothing here', { expected: 'a path of /openapi.json', got: shown(`${method} ${path}`) }),
    );
  });

  app.onError((error, c) => {
    if (error instanceof Problem) return problemResponse(error);
    if (error instanceof HTTPException) return problemResponse(new Problem(error.status, 'http', error.message));
    // The connection broke while the body came: nobody hears the answer.
    if (c.req.raw.signal.aborted) return problemResponse(new Problem(400, 'aborted', 'the request was not sent to its end'));
    log.error({ err: error, method: c.req.method, route: routePath(c, -1) }, 'a request failed');
    return problemResponse(new Problem(500, 'internal', 'the coordinator failed at this request', { hint: 'its log says more' }));
  });
  return app;
}

/** Whether a route's pattern stands for a path. */
function matches(pattern: string, path: string): boolean {
  const parts = pattern.split('/');
  const given = path.split('/');
  return parts.length === given.length && parts.every((part, k) => part === given[k] || (part.startsWith(':') && given[k] !== ''));
}
