/** Errors as the interface says them: `application/problem+json`. Source: RFC 9457. */
import { STATUS_CODES } from 'node:http';
import type { Problem } from '../coordinator.ts';
import type { Problem as ProblemDocument } from '../wire/http.ts';

/** The document of a problem, with the name of its status as its title. */
export function problemDocument({ status, code, message, expected, got, hint }: Problem): ProblemDocument {
  return {
    type: `urn:veritab:problem:${code}`,
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail: message,
    code,
    ...(expected === undefined ? {} : { expected }),
    ...(got === undefined ? {} : { got }),
    ...(hint === undefined ? {} : { hint }),
  };
}

export function problemResponse(problem: Problem, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(JSON.stringify(problemDocument(problem)), {
    status: problem.status,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      ...(problem.retryAfter === undefined ? {} : { 'retry-after': String(Math.ceil(problem.retryAfter)) }),
      ...headers,
    },
  });
}

/** What somebody sent, in so many characters that an error stays readable. */
export function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : ((JSON.stringify(value) as string | undefined) ?? 'nothing');
  return text.length > 100 ? `${text.slice(0, 97)}...` : text;
}
