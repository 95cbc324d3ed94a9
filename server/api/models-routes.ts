/** `/v1/models`: what can be asked, and how more comes to be there. */
import { Hono } from 'hono';
import { Problem, type Coordinator } from '../coordinator.ts';
import { modelListSchema, modelSchema, publicationSchema } from '../wire/http.ts';
import type { BodyReader } from './body.ts';
import { operation, pathParameter } from './operation.ts';
import { shown } from './problem.ts';

/** A publication is a few names and hashes. */
const MAX_PUBLICATION_BYTES = 64 * 1024;

export function modelRoutes(coordinator: Coordinator, body: BodyReader): Hono {
  const app = new Hono();

  app.get(
    '/models',
    operation({ tag: 'models', summary: 'All models', answers: { 200: { description: 'The models', schema: modelListSchema } } }),
    async (c) => c.json({ models: await coordinator.models() }),
  );

  app.get(
    '/models/:digest',
    operation({
      tag: 'models',
      summary: 'A model',
      parameters: [pathParameter('digest', "Digest of the model's circuit, or its name")],
      answers: { 200: { description: 'The model', schema: modelSchema } },
      problems: { 404: 'unknown-model' },
    }),
    async (c) => {
      const name = c.req.param('digest');
      const model = await coordinator.model(name);
      if (model === null)
        throw new Problem(404, 'unknown-model', 'there is no such model', {
          expected: 'the digest or name of a model',
          got: shown(name),
          hint: 'GET /v1/models',
        });
      return c.json(model);
    },
  );

  app.post(
    '/models',
    operation({
      tag: 'models',
      summary: 'Publish a model',
      description:
        'Circuit and weights have been put into blobs before. The publisher signs name, hashes and time with its hotkey. Circuit and bounds are computed anew.',
      body: publicationSchema,
      answers: { 201: { description: 'The model as it is served from now on', schema: modelSchema } },
      problems: {
        400: 'bad-json, bad-request, publisher, signature, time, circuit, weights, slices',
        403: 'quota',
        409: 'name-taken, already-published, newer-published',
        413: 'body-too-large',
        415: 'not-json',
        503: 'busy',
      },
    }),
    async (c) => c.json(await coordinator.publish(await body.json(c, publicationSchema, MAX_PUBLICATION_BYTES)), 201),
  );
  return app;
}
