/** Miners in tests: the real one, on sockets of Node. */
import { randomBytes } from 'node:crypto';
import { WebSocket } from 'ws';
import { nodePlatform } from '../../wasm/runtime/node.ts';
import { memoryStorage } from '../../web/client/storage.ts';
import { seedIdentity } from '../../web/miner/identity.ts';
import { createMiner, type Miner, type MinerOptions } from '../../web/miner/miner.ts';
import { systemClock, systemRandom } from '../../web/client/clock.ts';
import { openSocketWith, type MinerPlatform } from '../../web/miner/platform.ts';
import type { MinerState } from '../../web/miner/state.ts';
import { clamp, clampAround128, CircuitDraft, type Sample } from './circuit-draft.ts';

export function testPlatform(change: Partial<MinerPlatform> = {}): MinerPlatform {
  return {
    openSocket: openSocketWith((url, protocol) => new WebSocket(url, protocol)),
    fetch: globalThis.fetch,
    prover: nodePlatform,
    storage: memoryStorage(),
    clock: systemClock,
    random: systemRandom,
    ...change,
  };
}

/** A miner with a hotkey of its own, not started. */
export function testMiner(coordinator: string, options: Partial<MinerOptions> = {}, platform: MinerPlatform = testPlatform()): Miner {
  return createMiner(platform, { coordinator, identity: seedIdentity(randomBytes(32)), agent: 'test', threads: 1, ...options });
}

/** The first state, from now on, of which this holds. */
export function stateWhere(miner: Miner, holds: (state: MinerState) => boolean): Promise<MinerState> {
  return new Promise((resolve) => {
    if (holds(miner.state.value)) {
      resolve(miner.state.value);
      return;
    }
    const unsubscribe = miner.state.subscribe((state) => {
      if (!holds(state)) return;
      unsubscribe();
      resolve(state);
    });
  });
}

/** Three convolutions, which can be cut at tensors 1 and 2. */
export function chainOfThree(): Sample {
  const draft = new CircuitDraft(5);
  const x = draft.input([2, 4, 4], 3);
  const a = draft.requantize('a', [2, 4, 4], 0, [0, 9], [draft.convolution(draft.whole(x), 2)], [4, 4], clamp);
  const b = draft.requantize('b', [2, 2, 2], 7, [1, 2], [draft.convolution(draft.whole(a), 2, { stride: [2, 2] })], [3, 4], clampAround128);
  const c = draft.requantize('c', [2, 4, 4], 0, [5, 6], [draft.convolution(draft.whole(b), 2, { pad: [2, 2] })], [2, 2], clampAround128);
  const out = draft.accumulate('out', [1, 1, 1], [1], [draft.convolution(draft.whole(c), 1, { kernel: [4, 4] })]);
  return draft.finish('chain', [out]);
}
