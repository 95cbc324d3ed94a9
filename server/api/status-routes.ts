/** Who is there, how the network is, whether this coordinator is alive. */
import { Hono } from 'hono';
import * as v from 'valibot';
import { Problem, type Coordinator } from '../coordinator.ts';
import { coordinatorSchema, minerListSchema } from '../wire/http.ts';
import type { Metrics } from './metrics.ts';
import { operation } from './operation.ts';

const statsSchema = v.record(v.string(), v.number());
const statusSchema = v.strictObject({ status: v.literal('ok') });

export interface StatusRoutesOptions {
  readonly coordinator: Coordinator;
  readonly metrics: Metrics;
  /** Whether no more requests are taken. */
  readonly draining: () => boolean;
  /** What is measured beside `Coordinator.stats`. */
  readonly figures: () => Readonly<Record<string, number>>;
}

export function statusRoutes({ coordinator, metrics, draining, figures }: StatusRoutesOptions): Hono {
  const app = new Hono();

  app.get(
    '/v1/coordinator',
    operation({
      tag: 'network',
      summary: 'Who this coordinator is',
      answers: { 200: { description: 'Its origin, and the address of its hotkey', schema: coordinatorSchema } },
    }),
    (c) => c.json(coordinator.identity),
  );

  app.get(
    '/v1/miners',
    operation({ tag: 'network', summary: 'Who mines', answers: { 200: { description: 'The miners', schema: minerListSchema } } }),
    async (c) => c.json({ miners: await coordinator.miners() }),
  );

  app.get(
    '/v1/stats',
    operation({
      tag: 'network',
      summary: 'Figures of the network',
      answers: { 200: { description: 'Figures by name', schema: statsSchema } },
    }),
    async (c) => c.json(await coordinator.stats()),
  );

  app.get(
    '/healthz',
    operation({
      tag: 'operation',
      summary: 'Whether the process is alive',
      answers: { 200: { description: 'It is', schema: statusSchema } },
    }),
    (c) => c.json({ status: 'ok' as const }),
  );

  app.get(
    '/readyz',
    operation({
      tag: 'operation',
      summary: 'Whether requests can be served: the database answers, and nothing is going down',
      answers: { 200: { description: 'They can', schema: statusSchema } },
      problems: { 503: 'not-ready, draining' },
    }),
    async (c) => {
      if (draining()) throw new Problem(503, 'draining', 'the coordinator is going down', { retryAfter: 5 });
      if (!(await coordinator.ready())) throw new Problem(503, 'not-ready', 'requests cannot be served at the moment', { retryAfter: 1 });
      return c.json({ status: 'ok' as const });
    },
  );

  app.get(
    '/metrics',
    operation({ tag: 'operation', summary: 'Figures for Prometheus', answers: { 200: { description: 'Figures', type: 'text/plain' } } }),
    async (c) => {
      const { text, type } = await metrics.text({ ...(await coordinator.stats()), ...figures() });
      return c.body(text, 200, { 'content-type': type });
    },
  );
  return app;
}
