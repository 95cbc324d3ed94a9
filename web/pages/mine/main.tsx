/** Starts the Mine page. */
import { browserPlatform } from '../../../wasm/runtime/browser.ts';
import { systemClock, systemRandom } from '../../client/clock.ts';
import { show } from '../../design/frame.tsx';
import { iconAddress } from '../../design/mark.tsx';
import { createMiner } from '../../miner/miner.ts';
import { openSocketWith, type MinerPlatform } from '../../miner/platform.ts';
import { tabStorage } from '../../miner/tab-storage.ts';
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
  storage: tabStorage(storage, navigator.locks),
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
  createMiner: (identity, threads) =>
    createMiner(platform, { coordinator: coordinator.url, identity, agent: 'veritab/0.1.0 (tab)', threads }),
});

document.querySelector<HTMLLinkElement>('link[rel="icon"]')!.href = iconAddress('idle');
show(<MinePage session={session} coordinator={coordinator} />);
void keyring.load();
addEventListener('load', keepPages);
