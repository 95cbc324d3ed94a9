/**
 * A coordinator of one process for tests of the pages: one built-in model, one miner that is itself, everything kept in memory. Its data is real: a compiled model, proofs by the prover, a bundle signed as
 * the network signs. What it does not have is a network: no queue, no sockets, no database.
 */
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { blake3 } from '@noble/hashes/blake3.js';
import { uuidv7 } from 'uuidv7';
import { digitsFiles } from '../../server/models/digits.ts';
import { prepareModel, type PreparedModel, type PreparedPlan } from '../../server/models/prepared.ts';
import { encodeBundle, type BundleSlice } from '../../server/wire/bundle.ts';
import type { Inference, InferenceEvent, JobInfo, Model } from '../../server/wire/http.ts';
import { hotkeyFromSeed, sessionKeyFromSecret, type Hotkey } from '../../server/wire/keys.ts';
import {
  certificateText,
  coordinatorStatement,
  jobContext,
  proofStatement,
  verdictStatement,
  type CoordinatorIdentity,
  type SessionCertificate,
} from '../../server/wire/statements.ts';
import { nodePlatform } from '../../wasm/runtime/node.ts';
import { createProver, type Prover } from '../../wasm/runtime/prover.ts';
import { serveFolder } from './static-files.ts';

export interface SmallCoordinator {
  readonly url: string;
  readonly model: Model;
  /** What happens to a bundle on its way out; the identity unless a test sets it. */
  tamper: (bundle: Uint8Array) => Uint8Array;
  /** Awaited before each slice is proven: lets a test look at the page in between. */
  beforeSlice: (slice: number) => Promise<void>;
  /** Answers requests for inferences with this problem; null: it does not. */
  problem: { readonly status: number; readonly code: string; readonly detail: string } | null;
  close(): Promise<void>;
}

type Output = Uint8Array | Int32Array;

interface Request {
  inference: Inference;
  readonly events: InferenceEvent[];
  readonly listeners: Set<ServerResponse>;
  bundle: Uint8Array | null;
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const littleEndian = (values: Output): Uint8Array =>
  values instanceof Int32Array ? new Uint8Array(values.buffer, values.byteOffset, values.byteLength) : values;

/** Starts it on a port of its own. @param folder the built pages */
export async function startSmallCoordinator(folder: string): Promise<SmallCoordinator> {
  const files = await digitsFiles(join(tmpdir(), 'veritab-test-models'));
  const model = prepareModel(files.circuit, files.weights, [1, 3]);
  const blobs = new Map([files.circuit, files.weights].map((bytes) => [hex(blake3(bytes)), bytes]));
  const provers = new Map<string, Promise<Prover>>();
  const requests = new Map<string, Request>();
  const hotkey = hotkeyFromSeed(randomBytes(32));
  const key = sessionKeyFromSecret(randomBytes(32));
  const miner = hotkeyFromSeed(randomBytes(32));
  const session = sessionKeyFromSecret(randomBytes(32));
  const info = describe(model, files);

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => problem(response, 500, 'internal', String(error)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const identity: CoordinatorIdentity = {
    origin: url,
    hotkey: hotkey.publicKey,
    key: key.publicKey,
    signature: hotkey.sign(coordinatorStatement(key.publicKey)),
  };
  const certificate = certify(miner, session.publicKey, url, hotkey.address);

  const coordinator: SmallCoordinator = {
    url,
    model: info,
    tamper: (bundle) => bundle,
    beforeSlice: async () => undefined,
    problem: null,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      for (const prover of provers.values()) await (await prover).dispose();
    },
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url!, url);
    const [, version, kind, id, part] = pathname.split('/');
    response.setHeader('Access-Control-Allow-Origin', '*');
    response.setHeader('Access-Control-Allow-Headers', '*');
    if (request.method === 'OPTIONS') response.writeHead(204).end();
    else if (version !== 'v1') await serveFolder(folder, pathname, response);
    else if (kind === 'models' && id === undefined) json(response, 200, { models: [info] });
    else if (kind === 'models' && (id === info.digest || id === info.name)) json(response, 200, info);
    else if (kind === 'miners') json(response, 200, { miners: [] });
    else if (kind === 'blobs') bytes(response, blobs.get(id!));
    else if (kind === 'inferences' && request.method === 'POST') await ask(request, response);
    else if (kind === 'inferences' && requests.has(id!)) tell(requests.get(id!)!, part, request, response);
    else problem(response, 404, 'unknown', `there is no ${pathname}`);
  }

  function tell(asked: Request, part: string | undefined, request: IncomingMessage, response: ServerResponse): void {
    if (part === 'events') stream(asked, Number(request.headers['last-event-id'] ?? 0), response);
    else if (part === undefined) json(response, 200, asked.inference);
    else if (asked.bundle === null) problem(response, 404, 'no-bundle', 'not proven yet');
    else bytes(response, coordinator.tamper(asked.bundle));
  }

  async function ask(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = JSON.parse(await textOf(request)) as { inputs: string[]; slices?: number };
    if (coordinator.problem) {
      problem(response, coordinator.problem.status, coordinator.problem.code, coordinator.problem.detail);
      return;
    }
    const inputs = body.inputs.map((text) => new Uint8Array(Buffer.from(text, 'base64')));
    const plan = model.plans.find(({ slices }) => slices.length === (body.slices ?? model.plans[0]!.slices.length))!;
    const made = new Map<number, Output>(inputs.map((values, tensor) => [tensor, values]));
    const id = uuidv7();
    // Proven before it is asked for, so that there is a claim to show: proofs for the request follow.
    await chain(plan, made, (k) => jobContext({ request: id, slice: k, slices: plan.slices.length, hotkey: miner.publicKey }));
    const outputs = model.circuit.outputs.map((tensor) => made.get(tensor)!);
    const jobs: JobInfo[] = plan.slices.map((_, slice) => ({
      slice,
      state: 'waiting',
      attempts: 0,
      miners: [],
      phase: null,
      elapsed_ms: 0,
      proof_bytes: null,
    }));
    const now = Date.now();
    const inference: Inference = {
      id,
      model: model.digest,
      cuts: [...plan.cuts],
      state: 'proving',
      created: now,
      deadline: now + 60_000,
      finished: null,
      outputs: outputs.map((own) => base64(littleEndian(own))),
      jobs,
      error: null,
    };
    const asked: Request = { inference, events: [{ type: 'snapshot', inference }], listeners: new Set(), bundle: null };
    requests.set(id, asked);
    json(response, 202, inference);
    await prove(asked, plan, inputs, outputs);
  }

  /** Runs the slices one after the other; `made` is filled with what they read and write. */
  async function chain(
    plan: PreparedPlan,
    made: Map<number, Output>,
    context: (k: number) => Uint8Array,
    before: (k: number) => Promise<void> = async () => undefined,
    after: (k: number, proof: Uint8Array, ms: number) => void = () => undefined,
  ): Promise<void> {
    for (const [k, { digest, sliced, weights }] of plan.slices.entries()) {
      if (!provers.has(digest)) provers.set(digest, createProver(nodePlatform, sliced.circuit, weights, { threads: 1 }));
      const prover = await provers.get(digest)!;
      await before(k);
      const { outputs, proof, timings } = await prover.prove(
        sliced.inputs.map((tensor) => made.get(tensor) as Uint8Array),
        context(k),
      );
      sliced.outputs.forEach((tensor, n) => made.set(tensor, outputs[n]!));
      after(k, proof, timings.total);
    }
  }

  async function prove(asked: Request, plan: PreparedPlan, inputs: readonly Uint8Array[], outputs: readonly Output[]): Promise<void> {
    const { id } = asked.inference;
    const made = new Map<number, Output>(inputs.map((values, tensor) => [tensor, values]));
    const proven: Omit<BundleSlice, 'crossing'>[] = [];
    const count = plan.slices.length;
    const change = (slice: number, part: Partial<JobInfo>): void => {
      const job = { ...asked.inference.jobs[slice]!, ...part };
      asked.inference = { ...asked.inference, jobs: asked.inference.jobs.with(slice, job) };
      emit(asked, { type: 'job', job });
    };
    await chain(
      plan,
      made,
      (k) => jobContext({ request: id, slice: k, slices: count, hotkey: miner.publicKey }),
      async (k) => {
        change(k, { state: 'proving', attempts: 1, miners: [miner.address], phase: 'lookups' });
        await coordinator.beforeSlice(k);
      },
      (k, proof, ms) => {
        const job = uuidv7();
        const proofHash = blake3(proof);
        const serviceMs = Math.ceil(ms);
        const verdict = {
          request: id,
          slice: k,
          slices: count,
          hotkey: miner.publicKey,
          job,
          proofHash,
          ok: true,
          serviceMs,
          proofBytes: proof.length,
        };
        proven.push({
          proof,
          job,
          certificate,
          proofSignature: session.sign(proofStatement(job, proofHash)),
          serviceMs,
          verdictSignature: key.sign(verdictStatement(verdict)),
        });
        change(k, { state: 'proven', phase: null, elapsed_ms: serviceMs, proof_bytes: proof.length });
      },
    );
    const slices = proven.map((own, k) => ({ ...own, crossing: k < count - 1 ? (made.get(plan.cuts[k]!) as Uint8Array) : null }));
    asked.bundle = encodeBundle({
      model: Buffer.from(model.digest, 'hex'),
      request: id,
      created: Date.now(),
      coordinator: identity,
      cuts: plan.cuts,
      inputs,
      outputs,
      slices,
      artefacts: null,
    });
    asked.inference = { ...asked.inference, state: 'proven', finished: Date.now() };
    emit(asked, { type: 'over', inference: asked.inference });
  }
  return coordinator;
}

function certify(miner: Hotkey, session: Uint8Array, origin: string, coordinator: string): SessionCertificate {
  const certificate = { origin, coordinator, hotkey: miner.publicKey, session, nonce: randomBytes(32), expires: Date.now() + 86_400_000 };
  return { ...certificate, signature: miner.sign(new TextEncoder().encode(certificateText(certificate))) };
}

function describe(model: PreparedModel, files: { readonly circuit: Uint8Array; readonly weights: Uint8Array }): Model {
  return {
    digest: model.digest,
    name: 'digits',
    description: 'Reads a handwritten digit.',
    publisher: null,
    inputs: [...model.inputs],
    outputs: [...model.outputs],
    layers: model.circuit.layers.length,
    multiplications: model.multiplications,
    weights: model.weightTotal,
    work: model.work,
    circuitBlob: hex(blake3(files.circuit)),
    circuitBytes: files.circuit.length,
    weightsBlob: hex(blake3(files.weights)),
    weightsBytes: files.weights.length,
    plans: model.plans.map(({ cuts, slices }) => ({
      cuts: [...cuts],
      slices: slices.map(({ digest, sliced, work }) => ({
        digest,
        from: sliced.from,
        to: sliced.to,
        layers: sliced.circuit.layers.map(({ name }) => name),
        work,
      })),
    })),
    created: Date.now(),
  };
}

function emit(asked: Request, event: InferenceEvent): void {
  asked.events.push(event);
  for (const listener of asked.listeners) write(listener, asked.events.length, event);
}

function stream(asked: Request, after: number, response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  asked.events.slice(after).forEach((event, n) => write(response, after + n + 1, event));
  asked.listeners.add(response);
  response.on('close', () => asked.listeners.delete(response));
}

function write(response: ServerResponse, id: number, event: InferenceEvent): void {
  response.write(`id: ${id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  if (event.type === 'over') response.end();
}

async function textOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const part of request.setEncoding('utf8')) body += String(part);
  return body;
}

function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
}

function problem(response: ServerResponse, status: number, code: string, detail: string): void {
  response
    .writeHead(status, { 'Content-Type': 'application/problem+json' })
    .end(JSON.stringify({ type: `/problems/${code}`, title: code, status, detail, code }));
}

function bytes(response: ServerResponse, content: Uint8Array | undefined): void {
  if (content === undefined) problem(response, 404, 'unknown-blob', 'there is no such blob');
  else response.writeHead(200, { 'Content-Type': 'application/octet-stream' }).end(content);
}
