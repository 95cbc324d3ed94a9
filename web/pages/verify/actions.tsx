/** What can be done with an answer: keep it, hand it on, try to break it. */
import { useSignal } from '@preact/signals';
import { say } from '../../design/announce.ts';
import { Button, FileButton } from '../../design/button.tsx';
import { Notice } from '../../design/notice.tsx';
import { Term } from '../../design/term.tsx';
import { failureOf } from '../failure.tsx';
import { BREAKS, type Break } from './breaking.ts';
import { decodedBundle, type Session } from './session.ts';

export function Actions({ session, online }: { readonly session: Session; readonly online: boolean }) {
  const problem = useSignal<string | null>(null);
  const run = session.run.value;
  const file = run !== null && run.bundle !== null;
  const settled = file && run.verdict !== null;
  const doing = (work: () => Promise<unknown>) => () => {
    problem.value = null;
    work().catch((error: unknown) => (problem.value = failureOf(error).message));
  };
  return (
    <div class="stack unprinted">
      <div class="row">
        {file && <Button onPress={doing(() => download(session))}>Download bundle</Button>}
        <FileButton accept=".bundle,.vtab,application/octet-stream" onFile={(own) => void session.openFile(own)}>
          Open bundle
        </FileButton>
        {file && run.source !== 'file' && online && <Button onPress={doing(() => copyLink(session))}>Copy link</Button>}
        {settled && run.verdict.proven && <Button onPress={() => print()}>Print</Button>}
      </div>
      {problem.value !== null && (
        <Notice kind="refused" inline>
          <p>{problem.value}</p>
        </Notice>
      )}
      {settled && (
        <div>
          <h3>Break it</h3>
          <p class="small quiet">Change one thing in the bundle and see which check refuses.</p>
          <div class="breaks">
            {(Object.keys(BREAKS) as Break[]).map((kind) => (
              <Button key={kind} note={`Change ${BREAKS[kind].long}`} onPress={doing(() => session.breakIt(kind))}>
                Change {BREAKS[kind].short}
              </Button>
            ))}
            {run.change !== null && (
              <Button kind="primary" onPress={doing(() => session.restore())}>
                Put it back
              </Button>
            )}
          </div>
        </div>
      )}
      {!file && (
        <p class="small quiet">
          A <Term of="bundle" /> from a file is checked here too, without a network if the model is in it.
        </p>
      )}
    </div>
  );
}

async function download(session: Session): Promise<void> {
  const bytes = await session.download();
  const bundle = decodedBundle(session.run.value!);
  const address = URL.createObjectURL(new Blob([bytes as Uint8Array<ArrayBuffer>], { type: 'application/octet-stream' }));
  const link = document.createElement('a');
  link.href = address;
  link.download = `${session.run.value?.name ?? 'answer'}-${bundle?.request.slice(-12) ?? 'request'}.bundle`;
  link.click();
  // The browser has taken the file by then.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

async function copyLink(session: Session): Promise<void> {
  const run = session.run.value!;
  const bundle = decodedBundle(run)!;
  const link = new URL(location.href);
  link.searchParams.set('request', bundle.request);
  if (run.model !== null) link.searchParams.set('model', run.model);
  await navigator.clipboard.writeText(link.href);
  say('Link copied');
}
