/** The Verify page's state, without markup: which models there are, what was asked, what came, what this tab found out about it. */
import { computed, signal, type ReadonlySignal } from '@preact/signals';
import { bytesToHex } from '@noble/hashes/utils.js';
import { decodeBundle, encodeBundle, type Bundle } from '../../../server/wire/bundle.ts';
import { MAX_BUNDLE_BYTES } from '../../../server/wire/limits.ts';
import type { Inference, InferenceEvent, JobInfo, Model, Plan } from '../../../server/wire/http.ts';
import type { Blobs } from '../../client/blobs.ts';
import type { BundleVerdict, Check, Client } from '../../client/client.ts';
import type { State } from '../../design/state.ts';
import { failureOf, type Failure } from '../failure.tsx';
import { broken, type Break } from './breaking.ts';

export type Models =
  | { readonly kind: 'loading' }
  | { readonly kind: 'failed'; readonly failure: Failure }
  | { readonly kind: 'loaded'; readonly models: readonly Model[] };

/** A slice's job as last heard of. */
export interface HeardJob extends JobInfo {
  /** This tab's clock when it was heard of. */
  readonly heard: number;
}

/** One answer and all that is known of it, from the request (or the file) on. */
export interface Run {
  readonly source: 'asked' | 'link' | 'file';
  /** Whose digest the answer is checked against; null: the bundle's own word. */
  readonly model: string | null;
  readonly name: string | null;
  readonly plan: Plan | null;
  /** What this tab put in; null where somebody else did. */
  readonly inputs: readonly Uint8Array[] | null;
  /** This tab's clock: when it was asked, and how long it took until it was verified. */
  readonly begun: number;
  readonly took: number | null;
  readonly inference: Inference | null;
  readonly jobs: readonly HeardJob[];
  readonly bundle: Uint8Array | null;
  /** What was changed in the bundle by "break it"; null: nothing. */
  readonly change: { readonly what: string; readonly original: Uint8Array } | null;
  readonly checks: readonly Check[];
  readonly verdict: BundleVerdict | null;
  readonly failure: Failure | null;
}

export interface Session {
  readonly models: ReadonlySignal<Models>;
  readonly chosen: ReadonlySignal<Model | null>;
  /** How many slices are asked for. */
  readonly slices: ReadonlySignal<number>;
  readonly run: ReadonlySignal<Run | null>;
  /** Whether a request or a verification is under way. */
  readonly busy: ReadonlySignal<boolean>;
  readonly state: ReadonlySignal<State>;
  loadModels(): Promise<void>;
  choose(digest: string): void;
  chooseSlices(count: number): void;
  /** Asks for the chosen model on this input, and verifies what comes. */
  prove(inputs: readonly Uint8Array[]): Promise<void>;
  /** Verifies the bundle of a request that somebody made. `model`: the digest that it should be of, or null. */
  openLink(request: string, model: string | null): Promise<void>;
  openFile(file: Blob): Promise<void>;
  breakIt(kind: Break): Promise<void>;
  restore(): Promise<void>;
  /** The bundle as a file, with the model in it where it can be had. */
  download(): Promise<Uint8Array>;
  /** Gives a request up. */
  stop(): void;
}

const EMPTY = {
  name: null,
  plan: null,
  took: null,
  inference: null,
  jobs: [],
  bundle: null,
  change: null,
  checks: [],
  verdict: null,
  failure: null,
} as const;

/** The state of a run as the page's icon and its largest words show it. */
export function stateOf(run: Run | null): State {
  if (run === null) return 'idle';
  if (run.verdict !== null) return run.verdict.proven ? 'verified' : 'refused';
  return run.failure === null ? 'pending' : 'refused';
}

/** The bundle of a run, decoded; null where there is none, or it is none. */
export function decodedBundle(run: Run): Bundle | null {
  if (run.bundle === null) return null;
  try {
    return decodeBundle(run.bundle);
  } catch {
    return null;
  }
}

const random = (end: number): number => crypto.getRandomValues(new Uint32Array(1))[0]! % end;

export function createSession(client: Client, blobs: Blobs): Session {
  const models = signal<Models>({ kind: 'loading' });
  const digest = signal<string | null>(null);
  const wanted = signal(1);
  const run = signal<Run | null>(null);
  let abort: AbortController | null = null;

  const listed = computed(() => (models.value.kind === 'loaded' ? models.value.models : []));
  const chosen = computed(() => listed.value.find((model) => model.digest === digest.value) ?? null);
  const slices = computed(() => planOf(chosen.value, wanted.value)?.slices.length ?? 1);

  /** Begins a run in place of the one there is. What comes for an older run is dropped by its signal. */
  function begin(first: Pick<Run, 'source' | 'model' | 'inputs'> & Partial<Run>): {
    readonly signal: AbortSignal;
    update(change: Partial<Run>): void;
  } {
    abort?.abort();
    const own = new AbortController();
    abort = own;
    run.value = { ...EMPTY, begun: performance.now(), ...first };
    return {
      signal: own.signal,
      update(change) {
        if (!own.signal.aborted) run.value = { ...run.value!, ...change };
      },
    };
  }

  type Current = ReturnType<typeof begin>;

  async function verify(current: Current, bundle: Uint8Array): Promise<void> {
    const own = run.value!;
    const { model, inputs, begun } = own;
    const outputs = claimedOutputs(own, listed.value.find(({ digest: listedDigest }) => listedDigest === model) ?? null);
    current.update({ bundle, checks: [], verdict: null });
    const seen: Check[] = [];
    const verdict = await client.verify(bundle, {
      model,
      inputs,
      request: own.inference?.id ?? null,
      outputs,
      signal: current.signal,
      onCheck(check) {
        seen.push(check);
        current.update({ checks: [...seen] });
      },
    });
    current.update({ checks: verdict.checks, verdict, took: performance.now() - begun });
  }

  /** Runs what a run consists of; a failure becomes part of it. */
  async function during(current: Current, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      current.update({ failure: failureOf(error) });
    }
  }

  function hear(current: Current, event: InferenceEvent): void {
    if (current.signal.aborted) return;
    const heard = performance.now();
    if (event.type === 'job') {
      const others = run.value!.jobs.filter(({ slice }) => slice !== event.job.slice);
      current.update({ jobs: [...others, { ...event.job, heard }].sort((a, b) => a.slice - b.slice) });
    } else {
      current.update({ inference: event.inference, jobs: event.inference.jobs.map((job) => ({ ...job, heard })) });
    }
  }

  return {
    models,
    chosen,
    slices,
    run,
    busy: computed(() => run.value !== null && run.value.verdict === null && run.value.failure === null),
    state: computed(() => stateOf(run.value)),

    async loadModels() {
      models.value = { kind: 'loading' };
      try {
        const list = await client.models();
        models.value = { kind: 'loaded', models: list };
        digest.value ??= list[0]?.digest ?? null;
      } catch (error) {
        models.value = { kind: 'failed', failure: failureOf(error) };
      }
    },
    choose(next) {
      digest.value = next;
    },
    chooseSlices(count) {
      wanted.value = count;
    },

    async prove(inputs) {
      const model = chosen.value;
      if (model === null) return;
      const plan = planOf(model, wanted.value);
      const current = begin({ source: 'asked', model: model.digest, name: model.name, plan, inputs });
      await during(current, async () => {
        const { inference, bundle } = await client.infer(model.digest, inputs, {
          ...(plan ? { slices: plan.slices.length } : {}),
          signal: current.signal,
          onEvent: (event) => hear(current, event),
        });
        hear(current, { type: 'over', inference });
        await verify(current, bundle);
      });
    },
    async openLink(request, model) {
      const current = begin({ source: 'link', model, inputs: null });
      await during(current, async () => {
        await verify(current, await client.bundle(request));
      });
    },
    async openFile(file) {
      const current = begin({ source: 'file', model: null, inputs: null });
      await during(current, async () => {
        await verify(current, new Uint8Array(await file.arrayBuffer()));
      });
    },
    async breakIt(kind) {
      const before = run.value;
      const original = before?.change?.original ?? before?.bundle ?? null;
      if (before === null || original === null) return;
      const { what, bundle } = broken(original, kind, random);
      const current = begin({ ...before, change: { what, original }, verdict: null, failure: null, begun: performance.now() });
      await during(current, () => verify(current, bundle));
    },
    async restore() {
      const before = run.value;
      if (!before?.change) return;
      const current = begin({ ...before, change: null, verdict: null, failure: null, begun: performance.now() });
      await during(current, () => verify(current, before.change!.original));
    },
    async download() {
      const file = run.value!.change?.original ?? run.value!.bundle!;
      const bundle = decodeBundle(file);
      const model = listed.value.find((own) => own.digest === bytesToHex(bundle.model));
      if (bundle.artefacts !== null || model === undefined) return file;
      const [circuit, weights] = await Promise.all([
        blobs.get(model.circuitBlob, { limit: MAX_BUNDLE_BYTES }),
        blobs.get(model.weightsBlob, { limit: MAX_BUNDLE_BYTES }),
      ]);
      return encodeBundle({ ...bundle, artefacts: { circuit, weights } });
    },
    stop() {
      abort?.abort();
      if (run.value?.verdict === null) run.value = null;
    },
  };
}

/** What the coordinator claims the outputs to be; null before it does. Their types are those that it told of the model. */
export function claimedOutputs(run: Run, model: Model | null): (Uint8Array | Int32Array)[] | null {
  if (!run.inference || !model) return null;
  return run.inference.outputs.map((text, n) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    if (model.outputs[n]?.type !== 'int32') return bytes;
    const view = new DataView(bytes.buffer);
    return Int32Array.from({ length: bytes.length >> 2 }, (_, k) => view.getInt32(4 * k, true));
  });
}

/** The model's plan with so many slices, or its first one. */
export function planOf(model: Model | null, slices: number): Plan | null {
  return model?.plans.find((plan) => plan.slices.length === slices) ?? model?.plans[0] ?? null;
}
