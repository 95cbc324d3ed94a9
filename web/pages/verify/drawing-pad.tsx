/** The square that is drawn into: pen and eraser, for mouse, finger and stylus. It shows samples and pictures too. */
import { useSignalEffect } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { dark } from '../../design/theme.ts';
import { CANVAS, drawBytes, drawStrokes } from './drawing.ts';
import type { Input } from './input.ts';

/** Ink in the light and the dark theme: that of the tokens. */
const INK = { light: [27, 28, 30], dark: [236, 236, 234] } as const;

export function DrawingPad({ input }: { readonly input: Input }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useSignalEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!context) return;
    const ink = dark.value ? INK.dark : INK.light;
    const size = input.size.value;
    if (input.given.value !== null && size !== null) drawBytes(context, input.given.value, size, ink);
    else drawStrokes(context, input.strokes.value, `rgb(${ink.join(' ')})`);
  });

  const place = (event: PointerEvent): readonly [number, number] => {
    const { left, top, width, height } = canvas.current!.getBoundingClientRect();
    return [((event.clientX - left) / width) * CANVAS, ((event.clientY - top) / height) * CANVAS];
  };
  const empty = input.strokes.value.length === 0 && input.given.value === null;
  const drawable = input.drawable.value;
  const resolution = CANVAS * Math.min(3, Math.ceil(devicePixelRatio));
  return (
    <div class={drawable ? 'pad' : 'pad fixed'}>
      <canvas
        ref={canvas}
        width={resolution}
        height={resolution}
        role="img"
        aria-label={
          empty
            ? 'The input: empty'
            : input.given.value
              ? 'The input: a sample or picture'
              : `The input: ${input.strokes.value.length} strokes`
        }
        onPointerDown={(event) => {
          if (!drawable || event.button !== 0) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          input.begin(place(event));
        }}
        onPointerMove={(event) => {
          if (event.currentTarget.hasPointerCapture(event.pointerId)) input.draw([...event.getCoalescedEvents(), event].map(place));
        }}
        onPointerUp={() => input.end()}
        onPointerCancel={() => input.end()}
      />
      {empty && <p class="hint quiet">{drawable ? 'Draw a digit here' : 'Upload an input'}</p>}
    </div>
  );
}
