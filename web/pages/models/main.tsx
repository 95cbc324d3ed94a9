/** Starts the Models page. */
import { createBlobs } from '../../client/blobs.ts';
import { show } from '../../design/frame.tsx';
import { iconAddress } from '../../design/mark.tsx';
import { coordinatorAddress } from '../address.ts';
import { keepPages, pageClient, pageFetch, pageStorage } from '../platform.ts';
import { createAtlas, nameInPath } from './atlas.ts';
import { ModelsPage } from './models-page.tsx';

const coordinator = coordinatorAddress();
const storage = pageStorage();
const blobs = createBlobs(coordinator.url, pageFetch, storage.blobs);
const atlas = createAtlas(pageClient(coordinator.url, storage), blobs);
const name = nameInPath(location.pathname);

document.querySelector<HTMLLinkElement>('link[rel="icon"]')!.href = iconAddress('idle');
show(<ModelsPage atlas={atlas} name={name} coordinator={coordinator} />);
void (name === null ? atlas.list() : atlas.open(name));
addEventListener('load', keepPages);
