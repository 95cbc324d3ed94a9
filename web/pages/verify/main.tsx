/** The Verify page: starts it, and opens the request that its address names. */
import { createBlobs } from '../../client/blobs.ts';
import { show } from '../../design/frame.tsx';
import { wearState } from '../../design/mark.tsx';
import { coordinatorAddress } from '../address.ts';
import { keepPages, pageClient, pageFetch, pageStorage } from '../platform.ts';
import { createInput } from './input.ts';
import { createSession } from './session.ts';
import { VerifyPage } from './verify-page.tsx';

const coordinator = coordinatorAddress();
const storage = pageStorage();
const session = createSession(pageClient(coordinator.url, storage), createBlobs(coordinator.url, pageFetch, storage.blobs));

wearState(session.state);
show(<VerifyPage session={session} input={createInput(session.chosen)} coordinator={coordinator} />);

void session.loadModels();
const asked = new URLSearchParams(location.search);
const request = asked.get('request');
if (request !== null) void session.openLink(request, asked.get('model'));
addEventListener('load', keepPages);
