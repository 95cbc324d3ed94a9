/** What a model reads, and how a picture file becomes it. */
import type { TensorInfo } from '../../../server/wire/http.ts';
import type { ImageSize } from './drawing.ts';

/** The image that an input tensor is, or null where it is none. Batch 1; one channel (grey) or three (red, green, blue). */
export function imageSize({ dims, type }: TensorInfo): ImageSize | null {
  const [batch, channels, height, width] = dims;
  if (type !== 'uint8' || dims.length !== 4 || batch !== 1 || height === undefined || width === undefined) return null;
  return channels === 1 || channels === 3 ? { channels, height, width } : null;
}

/** Whether an input is what the digits models read: one grey image of 28 x 28. */
export function isDigitImage(size: ImageSize | null): boolean {
  return size !== null && size.channels === 1 && size.height === 28 && size.width === 28;
}

/** How many bytes an input has. */
export function byteLength({ dims }: TensorInfo): number {
  return dims.reduce((product, n) => product * n, 1);
}

/**
 * A picture file, cut to the proportions of the model's image around its middle, scaled, as bytes plane by plane. Transparent parts are white. Grey images of digits models are ink on paper: they
 * are turned round where the picture's border is light. Rejects where the browser cannot read the file as a picture.
 */
export async function pictureBytes(file: Blob, size: ImageSize, inkOnPaper: boolean): Promise<Uint8Array> {
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(bitmap.width / size.width, bitmap.height / size.height);
  const [cutWidth, cutHeight] = [size.width * scale, size.height * scale];
  const canvas = document.createElement('canvas');
  canvas.width = size.width;
  canvas.height = size.height;
  const context = canvas.getContext('2d')!;
  context.fillStyle = '#fff';
  context.fillRect(0, 0, size.width, size.height);
  context.imageSmoothingQuality = 'high';
  context.drawImage(
    bitmap,
    (bitmap.width - cutWidth) / 2,
    (bitmap.height - cutHeight) / 2,
    cutWidth,
    cutHeight,
    0,
    0,
    size.width,
    size.height,
  );
  bitmap.close();
  const { data } = context.getImageData(0, 0, size.width, size.height);
  const plane = size.width * size.height;
  if (size.channels === 3) return Uint8Array.from({ length: 3 * plane }, (_, n) => data[4 * (n % plane) + Math.floor(n / plane)]!);
  // Luma of ITU-R BT.601.
  const grey = Uint8Array.from({ length: plane }, (_, n) =>
    Math.round(0.299 * data[4 * n]! + 0.587 * data[4 * n + 1]! + 0.114 * data[4 * n + 2]!),
  );
  return inkOnPaper && borderMean(grey, size) > 127 ? grey.map((level) => 255 - level) : grey;
}

function borderMean(grey: Uint8Array, { width, height }: ImageSize): number {
  const border = grey.filter((_, n) => n < width || n >= width * (height - 1) || n % width === 0 || n % width === width - 1);
  return border.reduce((sum, level) => sum + level, 0) / border.length;
}
