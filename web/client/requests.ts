/** Requests to a coordinator over HTTP: answers checked against their schemas, problems as `RequestFailure`, connections that are lost made again. */
import { createParser } from 'eventsource-parser';
import * as v from 'valibot';
import {
  eventSchema,
  inferenceSchema,
  modelListSchema,
  modelSchema,
  problemSchema,
  type Inference,
  type InferenceEvent,
  type InferenceRequest,
  type Model,
} from '../../server/wire/http.ts';
import { MAX_BUNDLE_BYTES } from '../../server/wire/limits.ts';
import { addressAt, bodyOf } from './blobs.ts';
import { RequestFailure } from './client.ts';
import { backoff, sleep, type Clock } from './clock.ts';

export interface RequestPlatform {
  /** `https://host:port`. */
  readonly coordinator: string;
  readonly fetch: typeof globalThis.fetch;
  readonly clock: Clock;
  readonly random: (bytes: number) => Uint8Array;
}

/** `RequestInit`, with a signal that may be undefined. */
type Init = Omit<RequestInit, 'signal'> & { readonly signal?: AbortSignal | undefined };

/** A list of models with all their plans; an inference with the outputs of a large model. */
const MAX_JSON_BYTES = 2 ** 26;
/** A stream on which nothing was heard for so long is opened anew. */
const SILENCE = 40_000;

/** Until when something is tried, and what ends it. */
interface Patience {
  /** ms since 1970. */
  readonly until: number;
  readonly signal?: AbortSignal | undefined;
}

/** A failure that time may mend. */
class Passing extends Error {
  /** ms. */
  readonly retryAfter: number;
  readonly failure: RequestFailure;

  constructor(failure: RequestFailure, retryAfter = 0) {
    super(failure.message);
    this.failure = failure;
    this.retryAfter = retryAfter;
  }
}

function unreachable(coordinator: string, cause: unknown): Passing {
  const failure = new RequestFailure('network', `the coordinator at ${coordinator} cannot be reached: ${reasonOf(cause)}`, {
    expected: 'a coordinator that answers',
    hint: 'is it running, and is the address right?',
    cause,
  });
  return new Passing(failure);
}

/** Node's fetch says what happened in the cause only. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error && cause.message !== '' ? cause.message : message;
}

function retryAfterOf(response: Response): number {
  const seconds = Number(response.headers.get('retry-after') ?? 0);
  return Number.isFinite(seconds) && seconds > 0 ? 1000 * seconds : 0;
}

/** What an answer that is none says. */
async function problemOf(response: Response): Promise<RequestFailure> {
  const { status } = response;
  let body: unknown = null;
  try {
    body = JSON.parse(new TextDecoder().decode(await bodyOf(response, 2 ** 16)));
  } catch {
    // A proxy's page, for instance: the status says what there is to say.
  }
  const parsed = v.safeParse(problemSchema, body);
  if (!parsed.success) return new RequestFailure(`http-${status}`, `the coordinator answers ${status} ${response.statusText}`.trim());
  const { code, detail, title, expected, got, hint } = parsed.output;
  const wait = retryAfterOf(response);
  return new RequestFailure(code, detail || title, {
    ...(expected !== undefined && { expected }),
    ...(got !== undefined && { got }),
    hint: hint ?? (wait > 0 ? `try again in ${Math.ceil(wait / 1000)} s` : ''),
  });
}

export class Requests {
  readonly #platform: RequestPlatform;

  constructor(platform: RequestPlatform) {
    this.#platform = platform;
  }

  models(signal?: AbortSignal): Promise<readonly Model[]> {
    return this.#once(async () => (await this.#json('/v1/models', modelListSchema, { signal })).models, signal);
  }

  model(name: string, signal?: AbortSignal): Promise<Model> {
    return this.#once(() => this.#json(`/v1/models/${encodeURIComponent(name)}`, modelSchema, { signal }), signal);
  }

  /** Asks, as often as it takes to get an answer: the key makes it one request. */
  ask(request: InferenceRequest, key: string, patience: Patience): Promise<Inference> {
    return this.#patiently(patience, () =>
      this.#json('/v1/inferences', inferenceSchema, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': key },
        body: JSON.stringify(request),
        signal: patience.signal,
      }),
    );
  }

  /** A request's events until it is over, across lost connections. Resolves with the last state. */
  async follow(id: string, patience: Patience, onEvent: (event: InferenceEvent) => void): Promise<Inference> {
    let last = '';
    return this.#patiently(patience, async (madeProgress) => {
      const over = await this.#stream(`/v1/inferences/${id}/events`, last, patience, (event, number) => {
        last = number || last;
        madeProgress();
        onEvent(event);
        return event.type === 'over' ? event.inference : null;
      });
      if (over === null) throw new Passing(new RequestFailure('network', 'the stream of events ended before the request did'));
      return over;
    });
  }

  bundle(id: string, patience: Patience): Promise<Uint8Array> {
    return this.#patiently(patience, async () => {
      const response = await this.#fetch(`/v1/inferences/${id}/bundle`, { signal: patience.signal });
      return this.#body(response, MAX_BUNDLE_BYTES, patience.signal);
    });
  }

  get now(): number {
    return this.#platform.clock.now();
  }

  /** No second try. */
  async #once<T>(action: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    try {
      return await action();
    } catch (error) {
      signal?.throwIfAborted();
      throw error instanceof Passing ? error.failure : error;
    }
  }

  /** Tries again what may be mended by time, later and later, as long as there is patience. */
  async #patiently<T>({ until, signal }: Patience, action: (madeProgress: () => void) => Promise<T>): Promise<T> {
    const { clock, random } = this.#platform;
    for (let failures = 0; ; failures++) {
      try {
        return await action(() => (failures = 0));
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof Passing)) throw error;
        const delay = error.retryAfter + backoff(failures, random);
        if (clock.now() + delay > until) throw error.failure;
        await sleep(clock, delay, signal);
      }
    }
  }

  async #fetch(path: string, init: Init): Promise<Response> {
    const { coordinator, fetch } = this.#platform;
    let response: Response;
    try {
      response = await fetch(addressAt(coordinator, path), { ...init, signal: init.signal ?? null });
    } catch (cause) {
      init.signal?.throwIfAborted();
      throw unreachable(coordinator, cause);
    }
    if (response.ok) return response;
    const failure = await problemOf(response);
    if ([502, 503, 504].includes(response.status)) throw new Passing(failure, retryAfterOf(response));
    throw failure;
  }

  async #body(response: Response, limit: number, signal?: AbortSignal): Promise<Uint8Array> {
    try {
      return await bodyOf(response, limit);
    } catch (cause) {
      signal?.throwIfAborted();
      throw unreachable(this.#platform.coordinator, cause);
    }
  }

  async #json<T>(path: string, schema: v.GenericSchema<unknown, T>, init: Init): Promise<T> {
    const response = await this.#fetch(path, init);
    const bytes = await this.#body(response, MAX_JSON_BYTES, init.signal);
    let value: unknown;
    try {
      value = JSON.parse(new TextDecoder().decode(bytes));
    } catch (cause) {
      throw new RequestFailure('answer', `${path} does not answer with JSON: is this a coordinator?`, { cause });
    }
    const parsed = v.safeParse(schema, value);
    if (parsed.success) return parsed.output;
    const [issue] = parsed.issues;
    throw new RequestFailure(
      'answer',
      `the coordinator's answer to ${path} is not what it should be: ${v.getDotPath(issue) ?? ''} ${issue.message}`,
    );
  }

  /** Reads a stream of events until `take` gives something, or it ends (null). */
  async #stream<T>(
    path: string,
    lastId: string,
    { until, signal }: Patience,
    take: (event: InferenceEvent, id: string) => T | null,
  ): Promise<T | null> {
    const { clock, coordinator } = this.#platform;
    const ending = new AbortController();
    const end = (): void => ending.abort();
    signal?.addEventListener('abort', end, { once: true });
    let cancelWatch = clock.after(SILENCE, end);
    try {
      const response = await this.#fetch(path, {
        headers: { accept: 'text/event-stream', ...(lastId !== '' && { 'last-event-id': lastId }) },
        signal: ending.signal,
      });
      const found: { value: T | null } = { value: null };
      const parser = createParser({
        onEvent: ({ id = '', data }) => {
          const parsed = v.safeParse(eventSchema, jsonOf(data));
          // Events of a later version are none of ours.
          if (parsed.success) found.value ??= take(parsed.output, id);
        },
      });
      const text = new TextDecoder();
      const reader = response.body!.getReader();
      while (found.value === null) {
        const { done, value } = await reader.read();
        if (done) break;
        cancelWatch();
        cancelWatch = clock.after(Math.max(0, Math.min(SILENCE, until - clock.now())), end);
        parser.feed(text.decode(value, { stream: true }));
      }
      return found.value;
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof Passing || error instanceof RequestFailure) throw error;
      throw unreachable(coordinator, error);
    } finally {
      cancelWatch();
      signal?.removeEventListener('abort', end);
      end();
    }
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
