/** Who is there, how the network is, whether this coordinator is alive. */
import { Hono } from 'hono';
import * as v from 'valibot';
import { Problem, type Coordinator } from '../coordinator.ts';
import { coordinatorSchema, minerListSchema } from '../wire/http.ts';
import type { Metrics } from './metrics.ts';
import { operation } from './operation.ts';

const statsSchema = v.record(v.string(), v.number());
const statusSchema = v.strictObject({ status: v.literal('ok') });

/** @param ownFigures what is measured beside `Coordinator.stats` */
export function statusRoutes(coordinator: Coordinator, metrics: Metrics, ownFigures: () => Readonly<Record<string, number>>): Hono {
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
      summary: 'Whether requests can be served: database, verifiers, not draining',
      answers: { 200: { description: 'They can', schema: statusSchema } },
      problems: { 503: 'not-ready' },
    }),
    async (c) => {
      if (!(await coordinator.ready())) throw new Problem(503, 'not-ready', 'requests cannot be served at the moment', { retryAfter: 1 });
      return c.json({ status: 'ok' as const });
    },
  );

  app.get(
    '/metrics',
    operation({ tag: 'operation', summary: 'Figures for Prometheus', answers: { 200: { description: 'Figures', type: 'text/plain' } } }),
    async (c) => {
      const { text, type } = await metrics.text({ ...(await coordinator.stats()), ...ownFigures() });
      return c.body(text, 200, { 'content-type': type });
    },
  );
  return app;
}
