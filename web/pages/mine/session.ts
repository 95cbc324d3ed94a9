/** The Mine page's state, without markup: one miner, its switch, what it does; quiet in a hidden tab. */
import { computed, effect, signal, type ReadonlySignal } from '@preact/signals';
import type { Model } from '../../../server/wire/http.ts';
import type { Client } from '../../client/client.ts';
import type { Identity } from '../../miner/identity.ts';
import type { Miner } from '../../miner/miner.ts';
import type { MinerState } from '../../miner/state.ts';
import { failureOf, type Failure } from '../failure.tsx';
import { onBattery } from './battery.ts';
import { hidden, nextFrame } from './visibility.ts';
import type { Keyring } from './keyring.ts';
import type { Settings } from './settings.ts';
import { createSpeedometer, type Speed } from './speed.ts';

export interface MineSession {
  /** Null until the key has been read. */
  readonly state: ReadonlySignal<MinerState | null>;
  /** Proofs since the page was opened; it changes in a hidden tab too. */
  readonly proofs: ReadonlySignal<number>;
  readonly wanted: ReadonlySignal<boolean>;
  /** Whether it was asked for, and rests since the tab is hidden on battery. */
  readonly resting: ReadonlySignal<boolean>;
  readonly failure: ReadonlySignal<Failure | null>;
  readonly settings: Settings;
  readonly mostThreads: number;
  readonly keyring: Keyring;
  toggle(): void;
  /** Names of models by the digests of their slices' circuits, as far as the coordinator told. */
  modelOf(circuit: string): string | null;
  speedAt(threads: number): Speed | null;
  clearCache(): Promise<void>;
}

export interface MineOptions {
  readonly client: Client;
  readonly keyring: Keyring;
  readonly settings: Settings;
  readonly mostThreads: number;
  readonly createMiner: (identity: Identity, threads: number) => Miner;
}

export function createMineSession({ client, keyring, settings, mostThreads, createMiner }: MineOptions): MineSession {
  const state = signal<MinerState | null>(null);
  const proofs = signal(0);
  const wanted = signal(false);
  const failure = signal<Failure | null>(null);
  const names = signal<ReadonlyMap<string, string>>(new Map());
  const speedometer = createSpeedometer();
  const resting = computed(() => wanted.value && settings.sparesBattery.value && hidden.value && onBattery.value);
  let miner: Miner | null = null;
  let last: MinerState | null = null;

  /** What a miner says is shown with the next frame: changes come in bursts, and a hidden tab draws nothing. */
  function follow(own: Miner): () => void {
    const draw = nextFrame(() => (state.value = own.state.value));
    const unsubscribe = own.state.subscribe((now) => {
      const newest = now.times.at(-1);
      if (newest && newest !== last?.times.at(-1)) speedometer.record(now.threads, newest);
      last = now;
      proofs.value = now.totals.proofs;
      // It gave up by itself: the switch is off, and the sentence says why.
      if (now.connection.kind === 'stopped' && now.connection.reason !== null) wanted.value = false;
      draw();
    });
    state.value = own.state.value;
    return unsubscribe;
  }

  // A miner per key: another key is another miner.
  effect(() => {
    const identity = keyring.identity.value;
    if (identity === null) return;
    const own = createMiner(identity, settings.threads.peek());
    const unfollow = follow(own);
    miner = own;
    if (wanted.peek()) run();
    return () => {
      unfollow();
      void own.stop();
    };
  });
  effect(() => {
    const threads = settings.threads.value;
    if (keyring.identity.value !== null) miner?.setThreads(threads).catch(fail);
  });
  effect(() => {
    const on = wanted.value && !resting.value;
    if (keyring.identity.value === null) return;
    if (on) run();
    else miner?.stop().catch(fail);
  });

  function fail(error: unknown): void {
    failure.value = failureOf(error);
  }

  function run(): void {
    try {
      miner?.start();
    } catch (error) {
      wanted.value = false;
      fail(error);
    }
  }

  async function learnNames(): Promise<void> {
    names.value = namesOf(await client.models());
  }

  return {
    state,
    proofs,
    wanted,
    resting,
    failure,
    settings,
    mostThreads,
    keyring,
    toggle() {
      failure.value = null;
      wanted.value = !wanted.value;
      // A model without a name here is shown by its digest.
      if (wanted.value) void learnNames().catch(() => undefined);
    },
    modelOf: (circuit) => names.value.get(circuit) ?? null,
    speedAt: (threads) => speedometer.at(threads),
    clearCache: async () => miner?.clearCache(),
  };
}

function namesOf(models: readonly Model[]): ReadonlyMap<string, string> {
  return new Map(models.flatMap(({ name, plans }) => plans.flatMap(({ slices }) => slices.map(({ digest }) => [digest, name] as const))));
}
