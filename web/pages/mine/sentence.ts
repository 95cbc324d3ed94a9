/** What a miner does, in a sentence. */
import { quantity } from '../../design/quantity.tsx';
import type { State } from '../../design/state.ts';
import type { MinerState, MinerWork } from '../../miner/state.ts';

export interface Sentence {
  readonly state: State;
  readonly words: string;
}

const PHASES: Readonly<Record<MinerWork['phase'], string>> = {
  fetch: 'Fetching',
  prepare: 'Preparing',
  forward: 'Running',
  commit: 'Proving',
  lookups: 'Proving',
  linear: 'Proving',
  batching: 'Proving',
  opening: 'Proving',
};

function workWords({ phase, slice, slices, kind, since, circuit }: MinerWork, now: number, name: string | null): string {
  const model = name ?? `circuit ${circuit.slice(0, 4)}…${circuit.slice(-4)}`;
  const what = slices === 1 ? model : `slice ${slice + 1} of ${slices} of ${model}`;
  return `${PHASES[phase]} ${what} for ${kind === 'client' ? 'a client' : 'a benchmark'}, ${quantity(Math.max(0, now - since), 'ms')}.`;
}

/** Pending while it tries to be useful and is not; idle where nothing is wanted of it. `now`: this tab's clock. */
export function sentenceOf(state: MinerState, now: number, name: (circuit: string) => string | null): Sentence {
  const { connection, work } = state;
  switch (connection.kind) {
    case 'stopped':
      return connection.reason === null
        ? { state: 'idle', words: 'Not mining.' }
        : { state: 'refused', words: `Stopped: ${connection.reason}.` };
    case 'connecting':
      return { state: 'pending', words: 'Connecting to the coordinator.' };
    case 'signing':
      return { state: 'pending', words: 'Waiting for the wallet’s signature.' };
    case 'waiting': {
      const seconds = Math.max(1, Math.ceil((connection.until - now) / 1000));
      if (connection.paused)
        return {
          state: 'refused',
          words: `This key rests until ${new Date(connection.until).toLocaleTimeString()} (this machine’s clock): ${connection.reason}.`,
        };
      return { state: 'pending', words: `No connection: ${connection.reason}. Next attempt in ${seconds} s.` };
    }
    case 'connected':
      return work === null
        ? { state: 'idle', words: 'Connected. Waiting for a job.' }
        : { state: 'idle', words: workWords(work, now, name(work.circuit)) };
  }
}
