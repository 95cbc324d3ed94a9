/** What has been drawn: strokes in the order of their drawing, on a square of 280 x 280. */
export const CANVAS = 280;
/** Widths of the pen and the eraser: the pen's is that of the database's digits, a tenth of the digit's height. */
const WIDTHS = { pen: 22, eraser: 36 } as const;

export type Tool = keyof typeof WIDTHS;

export interface Stroke {
  readonly tool: Tool;
  readonly points: (readonly [x: number, y: number])[];
}

/** Draws strokes in a colour on whatever size the context's canvas has. */
export function drawStrokes(context: CanvasRenderingContext2D, strokes: readonly Stroke[], colour: string): void {
  const { width, height } = context.canvas;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, width, height);
  context.setTransform(width / CANVAS, 0, 0, height / CANVAS, 0, 0);
  context.lineCap = 'round';
  context.lineJoin = 'round';
  context.strokeStyle = colour;
  for (const { tool, points } of strokes) {
    context.globalCompositeOperation = tool === 'pen' ? 'source-over' : 'destination-out';
    context.lineWidth = WIDTHS[tool];
    context.beginPath();
    points.forEach(([x, y], n) => {
      if (n === 0) context.moveTo(x, y);
      context.lineTo(x, y);
    });
    context.stroke();
  }
  context.globalCompositeOperation = 'source-over';
}

/** How much each point is covered, 0..255: the alpha of strokes drawn at 280 x 280, so that it depends on no screen. */
export function inkOf(strokes: readonly Stroke[]): { width: number; height: number; levels: Uint8Array } {
  const canvas = document.createElement('canvas');
  canvas.width = CANVAS;
  canvas.height = CANVAS;
  const context = canvas.getContext('2d', { willReadFrequently: true })!;
  drawStrokes(context, strokes, '#000');
  const { data } = context.getImageData(0, 0, CANVAS, CANVAS);
  return { width: CANVAS, height: CANVAS, levels: Uint8Array.from({ length: CANVAS * CANVAS }, (_, n) => data[4 * n + 3]!) };
}

/** Draws an image of bytes, grey or red-green-blue planes, as large squares. Grey: `ink` on nothing, 0 (paper) to 255 (ink). */
export function drawBytes(
  context: CanvasRenderingContext2D,
  bytes: Uint8Array,
  { channels, height, width }: ImageSize,
  ink: readonly [number, number, number],
): void {
  const plane = height * width;
  const pixels = new ImageData(width, height);
  for (let n = 0; n < plane; n++) {
    const colour = channels === 3 ? [bytes[n]!, bytes[plane + n]!, bytes[2 * plane + n]!, 255] : [...ink, bytes[n]!];
    pixels.data.set(colour, 4 * n);
  }
  const small = document.createElement('canvas');
  small.width = width;
  small.height = height;
  small.getContext('2d')!.putImageData(pixels, 0, 0);
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, context.canvas.width, context.canvas.height);
}

export interface ImageSize {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}
