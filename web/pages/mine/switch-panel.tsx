/** The switch, what the miner does in a sentence, and how much of the machine it gets. */
import { signal, useSignalEffect } from '@preact/signals';
import { Button } from '../../design/button.tsx';
import { Notice } from '../../design/notice.tsx';
import { quantity } from '../../design/quantity.tsx';
import { StateIcon } from '../../design/signal.tsx';
import { Slider } from '../../design/slider.tsx';
import { FailureWords } from '../failure.tsx';
import { batteryKnown } from './battery.ts';
import { sentenceOf } from './sentence.ts';
import type { MineSession } from './session.ts';
import { likelyGain } from './speed.ts';
import { hidden } from './visibility.ts';

/** This tab's clock, moving only where somebody sees it and something lasts. */
const now = signal(Date.now());

export function SwitchPanel({ session, unavailable }: { readonly session: MineSession; readonly unavailable: string | null }) {
  useSignalEffect(() => {
    const state = session.state.value;
    const lasting = state?.connection.kind === 'waiting' || (state?.work ?? null) !== null;
    now.value = Date.now();
    if (hidden.value || !lasting) return;
    const timer = setInterval(() => (now.value = Date.now()), 200);
    return () => clearInterval(timer);
  });
  const wanted = session.wanted.value;
  return (
    <section class="stack" aria-label="Mining">
      <Button kind={wanted ? undefined : 'primary'} size="large" onPress={() => session.toggle()} unavailable={wanted ? null : unavailable}>
        {wanted ? 'Stop mining' : 'Start mining'}
      </Button>
      <Doing session={session} />
      {session.failure.value !== null && (
        <Notice kind="refused" inline>
          <FailureWords failure={session.failure.value} />
        </Notice>
      )}
      <Threads session={session} />
      <Battery session={session} />
    </section>
  );
}

function Doing({ session }: { readonly session: MineSession }) {
  const state = session.state.value;
  if (state === null) return <p class="lead quiet">Reading the key…</p>;
  if (session.resting.value) return <p class="lead">Resting: the tab is hidden and the machine runs on its battery.</p>;
  const { state: shape, words } = sentenceOf(state, now.value, (circuit) => session.modelOf(circuit));
  return (
    <p class="lead doing">
      {shape !== 'idle' && <StateIcon state={shape} unspoken />}
      <span>{words}</span>
    </p>
  );
}

function Threads({ session }: { readonly session: MineSession }) {
  const { threads } = session.settings;
  const most = session.mostThreads;
  return (
    <Slider
      label="Threads"
      value={threads.value}
      min={1}
      max={most}
      words={`${threads.value} of ${most}`}
      onChange={(value) => (threads.value = value)}
    >
      <p class="small quiet">{threadWords(session)}</p>
      {!crossOriginIsolated && (
        <p class="small quiet">More than one thread needs a page served with HTTPS and isolated from other origins. This one is not.</p>
      )}
    </Slider>
  );
}

function threadWords(session: MineSession): string {
  const threads = session.settings.threads.value;
  // Asked for after every change of state, so that a new measurement shows.
  const speed = session.state.value === null ? null : session.speedAt(threads);
  if (speed === null)
    return threads === 1
      ? 'One thread leaves the machine to you.'
      : `Likely ${likelyGain(threads).toFixed(1)} times as fast as one thread, for large slices.`;
  return `${speed.measured ? 'Measured here' : 'Likely'}: ${quantity(speed.milliseconds, 'ms')} a proof, the median.`;
}

function Battery({ session }: { readonly session: MineSession }) {
  const { sparesBattery } = session.settings;
  return (
    <label class="check">
      <input type="checkbox" checked={sparesBattery.value} onChange={(event) => (sparesBattery.value = event.currentTarget.checked)} />
      <span>
        Rest while the tab is hidden and the machine runs on its battery
        {!batteryKnown.value && <span class="quiet"> (this browser does not say whether it does)</span>}
      </span>
    </label>
  );
}
