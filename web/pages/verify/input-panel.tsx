/** Left: what is asked. The model, how it is cut, the input, and the button that asks. */
import { signal, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Digit } from '../../../circuits/models/digits/digits.ts';
import { Button, FileButton } from '../../design/button.tsx';
import { Choice } from '../../design/choice.tsx';
import { Digest } from '../../design/digest.tsx';
import { Notice } from '../../design/notice.tsx';
import { quantity } from '../../design/quantity.tsx';
import { Term } from '../../design/term.tsx';
import { dark } from '../../design/theme.ts';
import { FailureWords } from '../failure.tsx';
import { drawBytes } from './drawing.ts';
import { DrawingPad } from './drawing-pad.tsx';
import type { Input } from './input.ts';
import { sampleDigits } from './samples.ts';
import type { Session } from './session.ts';

export function InputPanel({ session, input, prove }: { readonly session: Session; readonly input: Input; readonly prove: () => void }) {
  return (
    <section class="panel stack unprinted" aria-labelledby="input-title">
      <h2 id="input-title">Input</h2>
      <ModelChoice session={session} />
      <DrawingPad input={input} />
      <Tools input={input} />
      {input.drawable.value && <Samples input={input} />}
      {input.problem.value !== null && (
        <Notice kind="refused" inline>
          <p>{input.problem.value}</p>
        </Notice>
      )}
      {session.busy.value && session.run.value?.source === 'asked' ? (
        <Button wide onPress={() => session.stop()}>
          Stop
        </Button>
      ) : (
        <Button kind="primary" wide onPress={prove} unavailable={whyNot(session, input)}>
          Prove
        </Button>
      )}
      <p class="small quiet">{whatIsRead(session, input)}</p>
    </section>
  );
}

/** Why nothing can be asked now, or null. */
export function whyNot(session: Session, input: Input): string | null {
  const model = session.chosen.value;
  if (model === null) return 'There is no model to ask';
  if (model.inputs.length > 1) return 'This model reads several inputs: ask it from the command line';
  return input.bytes.value === null ? 'There is no input yet' : null;
}

function whatIsRead(session: Session, input: Input) {
  const tensor = session.chosen.value?.inputs[0];
  if (!tensor) return null;
  const bytes = input.bytes.value;
  return (
    <>
      The model reads {tensor.dims.join(' × ')} bytes
      {bytes !== null && input.drawable.value && input.given.value === null ? ', made of your strokes as shown: ' : '.'}
      {bytes !== null && input.drawable.value && input.given.value === null && <Pixels bytes={bytes} side={28} size={28} />}
    </>
  );
}

function ModelChoice({ session }: { readonly session: Session }) {
  const models = session.models.value;
  if (models.kind === 'loading') return <p class="quiet">Asking the coordinator for its models…</p>;
  if (models.kind === 'failed') {
    return (
      <Notice kind="refused" inline>
        <FailureWords failure={models.failure} />
        <p>A bundle from a file can still be checked.</p>
        <Button onPress={() => void session.loadModels()}>Ask again</Button>
      </Notice>
    );
  }
  const model = session.chosen.value;
  if (model === null) return <p class="quiet">This coordinator has no models.</p>;
  return (
    <>
      <Choice
        label="Model"
        value={model.digest}
        options={models.models.map(({ digest, name }) => ({ value: digest, words: name }))}
        onChange={(digest) => session.choose(digest)}
      />
      <p class="small quiet">
        <Term of="digest">Digest</Term> <Digest value={model.digest} what="model digest" />
      </p>
      {model.plans.length > 1 && (
        <Choice
          label="Proven in (core time of a slice)"
          value={String(session.slices.value)}
          options={model.plans.map(({ slices }) => ({ value: String(slices.length), words: slicesInWords(slices) }))}
          onChange={(count) => session.chooseSlices(Number(count))}
        />
      )}
    </>
  );
}

/** How a model is cut: `3 slices, up to 11.5 ms`, of a reference core. */
function slicesInWords(slices: readonly { readonly work: number }[]): string {
  const longest = quantity(Math.max(...slices.map(({ work }) => work)) / 1e6, 'ms');
  return slices.length === 1 ? `one slice, ${longest}` : `${slices.length} slices, up to ${longest}`;
}

function Tools({ input }: { readonly input: Input }) {
  const drawable = input.drawable.value;
  return (
    <div class="row tools">
      {drawable && (
        <>
          <Button pressed={input.tool.value === 'pen'} onPress={() => (input.tool.value = 'pen')}>
            Pen
          </Button>
          <Button pressed={input.tool.value === 'eraser'} onPress={() => (input.tool.value = 'eraser')}>
            Eraser
          </Button>
          <Button onPress={() => input.clear()}>Clear</Button>
        </>
      )}
      <FileButton accept={input.size.value === null ? '*/*' : 'image/*'} onFile={(file) => void input.open(file)}>
        Upload
      </FileButton>
    </div>
  );
}

const samples = signal<readonly Digit[] | 'failed' | null>(null);

/** Ten digits that can be had without a pen. */
function Samples({ input }: { readonly input: Input }) {
  const asked = useSignal(false);
  useEffect(() => {
    if (asked.value) return;
    asked.value = true;
    sampleDigits().then(
      (digits) => (samples.value = digits),
      () => (samples.value = 'failed'),
    );
  }, []);
  if (samples.value === 'failed') return <p class="small quiet">The samples could not be loaded.</p>;
  return (
    <div class="samples" role="group" aria-label="Samples">
      {(samples.value ?? Array.from({ length: 10 }, (_, label): Digit => ({ label, pixels: new Uint8Array(784) }))).map((digit) => (
        <button
          key={digit.label}
          type="button"
          class="sample"
          aria-label={`Sample ${digit.label}`}
          aria-pressed={input.given.value === digit.pixels}
          onClick={() => {
            if (samples.value !== null) input.give(digit.pixels);
          }}
        >
          <Pixels bytes={digit.pixels} side={28} size={24} />
        </button>
      ))}
    </div>
  );
}

/** A grey image, small. */
export function Pixels({ bytes, side, size }: { readonly bytes: Uint8Array; readonly side: number; readonly size: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const isDark = dark.value;
  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (context) drawBytes(context, bytes, { channels: 1, height: side, width: side }, isDark ? [236, 236, 234] : [27, 28, 30]);
  }, [bytes, isDark]);
  return (
    <canvas ref={canvas} class="pixels" width={side} height={side} style={{ width: `${size}px`, height: `${size}px` }} aria-hidden="true" />
  );
}
