/** What a miner's owner has chosen in this browser. */
import { effect, signal, type Signal } from '@preact/signals';

export interface Settings {
  readonly threads: Signal<number>;
  /** Whether mining pauses in a hidden tab while the machine runs on its battery. */
  readonly sparesBattery: Signal<boolean>;
}

const KEY = 'veritab mining';

/** Kept in this browser. `most`: threads that there can be. */
export function loadSettings(most: number): Settings {
  const kept = parsed(localStorage.getItem(KEY));
  const threads = signal(Math.max(1, Math.min(most, Math.floor(kept.threads ?? Math.max(1, most - 1)))));
  const sparesBattery = signal(kept.sparesBattery ?? true);
  effect(() => localStorage.setItem(KEY, JSON.stringify({ threads: threads.value, sparesBattery: sparesBattery.value })));
  return { threads, sparesBattery };
}

function parsed(text: string | null): { threads?: number; sparesBattery?: boolean } {
  try {
    const value = JSON.parse(text ?? '{}') as Record<string, unknown>;
    return {
      ...(typeof value.threads === 'number' && Number.isFinite(value.threads) ? { threads: value.threads } : {}),
      ...(typeof value.sparesBattery === 'boolean' ? { sparesBattery: value.sparesBattery } : {}),
    };
  } catch {
    return {};
  }
}
