/** Calls of a coordinator's HTTP interface, whose problems become failures of the command. */
import * as v from 'valibot';
import { problemSchema } from '../wire/http.ts';
import { Failure } from './failure.ts';

/** For commands that talk to a coordinator. */
export const COORDINATOR_ARG = {
  type: 'string',
  valueHint: 'url',
  default: 'http://127.0.0.1:8420',
  description: 'Where the coordinator is reached',
} as const;

/** The origin of a coordinator's address. Throws `Failure` (usage) where it is none. */
export function coordinatorOrigin(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !['http:', 'https:'].includes(url.protocol))
    throw new Failure('usage', 'usage', '--coordinator is no address', { expected: 'http://host:port or https://host', got: text });
  return url.origin;
}

/** What a call gives, checked against the schema. Rejects with `Failure`: `network` where nobody answers or the coordinator failed, `refused` with its code where it refuses. */
export async function callCoordinator<S extends v.GenericSchema>(
  origin: string,
  path: string,
  schema: S,
  init: RequestInit = {},
): Promise<v.InferOutput<S>> {
  let response: Response;
  let value: unknown;
  try {
    response = await fetch(`${origin}${path}`, init);
    value = await response.json();
  } catch (cause) {
    const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : String(cause);
    throw new Failure('network', 'network', `the coordinator cannot be reached: ${reason}`, {
      expected: `a coordinator at ${origin}`,
      cause,
    });
  }
  if (!response.ok) {
    const problem = v.safeParse(problemSchema, value);
    if (!problem.success)
      throw new Failure('network', 'network', `${origin} answered with status ${response.status}`, { expected: 'a coordinator' });
    const { code, detail, expected = '', got = '', hint = '' } = problem.output;
    throw new Failure(response.status >= 500 ? 'network' : 'refused', code, detail, { expected, got, hint });
  }
  const parsed = v.safeParse(schema, value);
  if (!parsed.success)
    throw new Failure('network', 'network', `${origin}${path} answered with something else: ${parsed.issues[0].message}`, {
      expected: 'a coordinator',
    });
  return parsed.output;
}
