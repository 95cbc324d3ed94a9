/**
 * The resources of the HTTP interface: one schema for the server's checks, the OpenAPI document and everybody's types. Digests and hashes are 64 lower-case hexadecimal digits, tensors
 * base64 of their bytes (int32 outputs: little endian), hotkeys SS58 addresses, times milliseconds.
 */
import * as v from 'valibot';
import { DEFAULT_DEADLINE, MAX_DEADLINE, MAX_SLICES } from './limits.ts';

export const digestSchema = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, 'expected 64 lower-case hexadecimal digits'));
export const uuidSchema = v.pipe(v.string(), v.regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'expected a UUID'));
const base64 = v.pipe(v.string(), v.regex(/^[A-Za-z0-9+/]*={0,2}$/, 'expected base64'));
const count = v.pipe(v.number(), v.integer(), v.minValue(0));

/** A tensor that a model reads or gives. */
export const tensorSchema = v.strictObject({
  name: v.string(),
  /** The dimensions of the ONNX tensor, batch included. */
  dims: v.array(count),
  type: v.picklist(['uint8', 'int32']),
  /** real = scale * (integer - zero). */
  scale: v.number(),
  zero: v.pipe(v.number(), v.integer()),
  note: v.string(),
  labels: v.array(v.string()),
});

/** How a model is cut: the slices that are proven one by one. */
export const planSchema = v.strictObject({
  cuts: v.array(count),
  slices: v.array(
    v.strictObject({
      /** Digest of the slice's circuit. */
      digest: digestSchema,
      /** Layers `from` up to `to` (excluded) of the whole circuit. */
      from: count,
      to: count,
      layers: v.array(v.string()),
      /** Nanoseconds on a reference core. */
      work: count,
    }),
  ),
});

export const modelSchema = v.strictObject({
  digest: digestSchema,
  name: v.string(),
  description: v.string(),
  /** Who published it: an SS58 address, or null for a model of the coordinator's own. */
  publisher: v.nullable(v.string()),
  inputs: v.array(tensorSchema),
  outputs: v.array(tensorSchema),
  layers: count,
  multiplications: count,
  weights: count,
  work: count,
  /** Blobs of the whole model: circuit file, weights file; their sizes in bytes. */
  circuitBlob: digestSchema,
  circuitBytes: count,
  weightsBlob: digestSchema,
  weightsBytes: count,
  /** Ways to cut it, the coordinator's choice first. */
  plans: v.array(planSchema),
  created: count,
});

export const modelListSchema = v.strictObject({ models: v.array(modelSchema) });

export const inferenceRequestSchema = v.strictObject({
  /** Digest or name. */
  model: v.pipe(v.string(), v.minLength(1), v.maxLength(255)),
  inputs: v.pipe(v.array(base64), v.minLength(1), v.maxLength(8)),
  /** How many slices; must be one of the model's plans. Default: the first plan. */
  slices: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_SLICES))),
  deadline_ms: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_DEADLINE)), DEFAULT_DEADLINE),
});

export const jobStateSchema = v.picklist(['waiting', 'proving', 'verifying', 'proven', 'failed']);

/** A slice of a request, as its client sees it. */
export const jobSchema = v.strictObject({
  slice: count,
  state: jobStateSchema,
  /** Attempts so far, hedges included. */
  attempts: count,
  /** Who works on it, or proved it. */
  miners: v.array(v.string()),
  /** What the first of them does; null where it has not said. */
  phase: v.nullable(v.string()),
  /** From the first job frame to the accepted proof, or until now. */
  elapsed_ms: count,
  proof_bytes: v.nullable(count),
});

export const requestStateSchema = v.picklist(['proving', 'proven', 'failed']);

export const problemSchema = v.object({
  type: v.string(),
  title: v.string(),
  status: v.number(),
  detail: v.string(),
  /** For programs: `unknown-model`, `input-size`. */
  code: v.string(),
  expected: v.optional(v.string()),
  got: v.optional(v.string()),
  hint: v.optional(v.string()),
});

export const inferenceSchema = v.strictObject({
  id: uuidSchema,
  model: digestSchema,
  cuts: v.array(count),
  state: requestStateSchema,
  created: count,
  deadline: count,
  finished: v.nullable(count),
  /** What the coordinator says the answer is. It proves nothing: the bundle does. */
  outputs: v.array(base64),
  jobs: v.array(jobSchema),
  error: v.nullable(v.strictObject({ code: v.string(), message: v.string() })),
});

/**
 * What a request's event stream carries. `snapshot` comes first, and again wherever events were missed; `job` whenever a slice changes; `over` once, at the end. The `data` of each is the
 * whole of what it names.
 */
export const eventSchema = v.variant('type', [
  v.strictObject({ type: v.literal('snapshot'), inference: inferenceSchema }),
  v.strictObject({ type: v.literal('job'), job: jobSchema }),
  v.strictObject({ type: v.literal('over'), inference: inferenceSchema }),
]);

/** Who a coordinator is: what publications and certificates name. */
export const coordinatorSchema = v.strictObject({ origin: v.string(), address: v.string() });

export const minerSchema = v.strictObject({
  hotkey: v.string(),
  agent: v.string(),
  threads: count,
  connected: v.boolean(),
  since: count,
  accepted: count,
  refused: count,
  /** Until when it rests after refused proofs; null where it does not. */
  paused_until: v.nullable(count),
});

export const minerListSchema = v.strictObject({ miners: v.array(minerSchema) });

/** A model's publication: the files are blobs already. `signature`: of `publicationText`, by the owner's sr25519 key, 128 hexadecimal digits. */
export const publicationSchema = v.strictObject({
  name: v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'expected a name of a-z, 0-9, dot, dash, underscore')),
  description: v.optional(v.pipe(v.string(), v.maxLength(1024)), ''),
  circuit: digestSchema,
  weights: digestSchema,
  slices: v.optional(v.pipe(v.array(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_SLICES))), v.maxLength(4)), [1]),
  publisher: v.string(),
  time: count,
  signature: v.pipe(v.string(), v.regex(/^[0-9a-f]{128}$/, 'expected 128 lower-case hexadecimal digits')),
});

export type Model = v.InferOutput<typeof modelSchema>;
export type Plan = v.InferOutput<typeof planSchema>;
export type TensorInfo = v.InferOutput<typeof tensorSchema>;
export type InferenceRequest = v.InferInput<typeof inferenceRequestSchema>;
export type Inference = v.InferOutput<typeof inferenceSchema>;
export type InferenceEvent = v.InferOutput<typeof eventSchema>;
export type JobInfo = v.InferOutput<typeof jobSchema>;
export type JobState = v.InferOutput<typeof jobStateSchema>;
export type MinerInfo = v.InferOutput<typeof minerSchema>;
export type Problem = v.InferOutput<typeof problemSchema>;
export type Publication = v.InferInput<typeof publicationSchema>;
