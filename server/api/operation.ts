/** How operations are described for the OpenAPI document. */
import { describeRoute, resolver, type DescribeRouteOptions } from 'hono-openapi';
import type { MiddlewareHandler } from 'hono';
import type * as v from 'valibot';
import { problemSchema } from '../wire/http.ts';

/** What an operation answers with: JSON of a schema, or another type of content. */
export type Answer =
  | { readonly description: string; readonly schema: v.GenericSchema }
  | { readonly description: string; readonly type: string }
  | { readonly description: string };

export interface Operation {
  readonly tag: 'models' | 'inferences' | 'blobs' | 'network' | 'operation';
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: DescribeRouteOptions['parameters'];
  /** The body: JSON of a schema, or bytes. */
  readonly body?: v.GenericSchema | 'bytes';
  /** By status. */
  readonly answers: Readonly<Record<number, Answer>>;
  /** Codes of problems that it may answer with, by status. */
  readonly problems?: Readonly<Record<number, string>>;
}

export const pathParameter = (name: string, description: string) =>
  ({ in: 'path', name, required: true, description, schema: { type: 'string' } }) as const;

export const headerParameter = (name: string, description: string) =>
  ({ in: 'header', name, required: false, description, schema: { type: 'string' } }) as const;

/** Describes the route that follows. */
export function operation({ tag, summary, description, parameters, body, answers, problems = {} }: Operation): MiddlewareHandler {
  const responses: DescribeRouteOptions['responses'] = {};
  for (const [status, answer] of Object.entries(answers)) {
    if ('schema' in answer)
      responses[status] = { description: answer.description, content: { 'application/json': { schema: resolver(answer.schema) } } };
    else if ('type' in answer) responses[status] = { description: answer.description, content: { [answer.type]: {} } };
    else responses[status] = { description: answer.description };
  }
  for (const [status, codes] of Object.entries(problems))
    responses[status] = { description: codes, content: { 'application/problem+json': { schema: resolver(problemSchema) } } };
  const content =
    body === undefined ? null : body === 'bytes' ? { 'application/octet-stream': {} } : { 'application/json': { schema: resolver(body) } };
  return describeRoute({
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    ...(parameters === undefined ? {} : { parameters }),
    ...(content === null ? {} : { requestBody: { required: true, content } }),
    responses,
  });
}
