/** Starts the Mine page. */
import { browserPlatform } from '../../../wasm/runtime/browser.ts';
import { systemClock, systemRandom } from '../../client/clock.ts';
import { show } from '../../design/frame.tsx';
import { iconAddress } from '../../design/mark.tsx';
import { seedIdentity } from '../../miner/identity.ts';
import { createMiner } from '../../miner/miner.ts';
import { openSocketWith, type MinerPlatform } from '../../miner/platform.ts';
import { coordinatorAddress } from '../address.ts';
import { keepPages, pageClient, pageFetch, pageStorage } from '../platform.ts';
import { createKeyring } from './keyring.ts';
import { MinePage } from './mine-page.tsx';
import { createMineSession } from './session.ts';
import { loadSettings } from './settings.ts';

const coordinator = coordinatorAddress();
const storage = pageStorage();
const platform: MinerPlatform = {
  openSocket: openSocketWith((url, protocol) => new WebSocket(url, protocol)),
  fetch: pageFetch,
  prover: browserPlatform,
  storage,
  clock: systemClock,
  random: systemRandom,
};
const keyring = createKeyring(platform.storage.records, platform.random);
const mostThreads = browserPlatform.parallelism;
const session = createMineSession({
  client: pageClient(coordinator.url, storage),
  keyring,
  settings: loadSettings(mostThreads),
  mostThreads,
  createMiner: (seed, threads) =>
    createMiner(platform, { coordinator: coordinator.url, identity: seedIdentity(seed), agent: 'veritab/0.1.0 (tab)', threads }),
});

document.querySelector<HTMLLinkElement>('link[rel="icon"]')!.href = iconAddress('idle');
show(<MinePage session={session} coordinator={coordinator} />);
void keyring.load();
addEventListener('load', keepPages);
