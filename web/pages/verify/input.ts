/** What the page puts into the model: strokes, or the bytes of a sample, a picture or a file. */
import { computed, signal, type ReadonlySignal, type Signal } from '@preact/signals';
import type { Model } from '../../../server/wire/http.ts';
import { digitImage } from './digit-image.ts';
import { inkOf, type ImageSize, type Stroke, type Tool } from './drawing.ts';
import { byteLength, imageSize, isDigitImage, pictureBytes } from './picture.ts';

export interface Input {
  readonly tool: Signal<Tool>;
  readonly strokes: ReadonlySignal<readonly Stroke[]>;
  /** The image that the chosen model reads; null where it reads none. */
  readonly size: ReadonlySignal<ImageSize | null>;
  /** Whether the chosen model's input can be drawn. */
  readonly drawable: ReadonlySignal<boolean>;
  /** The model's input; null where there is none yet. */
  readonly bytes: ReadonlySignal<Uint8Array | null>;
  /** Bytes that were given, not drawn; null where strokes count. */
  readonly given: ReadonlySignal<Uint8Array | null>;
  /** What was wrong with the last file; null where nothing was. */
  readonly problem: ReadonlySignal<string | null>;
  begin(at: readonly [number, number]): void;
  draw(points: readonly (readonly [number, number])[]): void;
  end(): void;
  clear(): void;
  give(bytes: Uint8Array): void;
  /** A picture for image models, else the raw bytes of the input. */
  open(file: Blob): Promise<void>;
}

export function createInput(chosen: ReadonlySignal<Model | null>): Input {
  const strokes = signal<readonly Stroke[]>([]);
  const drawing = signal(false);
  const given = signal<Uint8Array | null>(null);
  const problem = signal<string | null>(null);
  const tensor = computed(() => chosen.value?.inputs[0] ?? null);
  const size = computed(() => (tensor.value === null ? null : imageSize(tensor.value)));
  const drawable = computed(() => isDigitImage(size.value));
  const fitting = computed(() => {
    const wanted = tensor.value === null ? null : byteLength(tensor.value);
    return given.value?.length === wanted ? given.value : null;
  });
  // Strokes become an image when the pen is lifted, not at every point.
  let drawn: { readonly of: readonly Stroke[]; readonly image: Uint8Array | null } = { of: [], image: null };
  const image = computed(() => {
    if (!drawing.value && drawn.of !== strokes.value) drawn = { of: strokes.value, image: digitImage(inkOf(strokes.value)) };
    return drawn.image;
  });

  return {
    tool: signal<Tool>('pen'),
    strokes,
    size,
    drawable,
    bytes: computed(() => fitting.value ?? (drawable.value ? image.value : null)),
    given: fitting,
    problem,
    begin(at) {
      if (given.value !== null) strokes.value = [];
      given.value = null;
      problem.value = null;
      drawing.value = true;
      strokes.value = [...strokes.value, { tool: this.tool.value, points: [at] }];
    },
    draw(points) {
      const last = strokes.value.at(-1);
      if (!drawing.value || !last) return;
      strokes.value = [...strokes.value.slice(0, -1), { ...last, points: [...last.points, ...points] }];
    },
    end() {
      drawing.value = false;
    },
    clear() {
      strokes.value = [];
      given.value = null;
      problem.value = null;
    },
    give(bytes) {
      strokes.value = [];
      given.value = bytes;
      problem.value = null;
    },
    async open(file) {
      try {
        problem.value = null;
        const wanted = tensor.value === null ? null : byteLength(tensor.value);
        if (size.value !== null) {
          this.give(await pictureBytes(file, size.value, drawable.value));
        } else if (file.size === wanted) {
          this.give(new Uint8Array(await file.arrayBuffer()));
        } else {
          problem.value = `The file has ${file.size.toLocaleString('en')} bytes; the model reads ${wanted?.toLocaleString('en') ?? 'none'}.`;
        }
      } catch {
        problem.value = 'The browser cannot read this file as a picture. Expected PNG, JPEG, WebP, GIF or SVG.';
      }
    },
  };
}
