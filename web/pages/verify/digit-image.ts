/**
 * From drawn ink to what a digits model reads, as the images of the MNIST database were made (Y. LeCun, C. Cortes, C. Burges): the digit scaled into a box of 20 x 20 pixels keeping its
 * proportions, grey levels from the scaling, then placed in 28 x 28 pixels so that the centre of mass of the pixels is in the middle.
 */

/** The side of the image, and of the box that the digit is scaled into. */
export const SIDE = 28;
const BOX = 20;
/** Where the centre of mass goes, in pixels from the left and top edge: the middle of the pixel with index 14, as a mean over the database shows. */
const MIDDLE = 14.5;

/** Grey levels, row by row, 0 (paper) to 255 (ink). */
export interface Ink {
  readonly width: number;
  readonly height: number;
  readonly levels: Uint8Array | Uint8ClampedArray;
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** The smallest box that holds all ink; null where there is none. */
function inkBox({ width, height, levels }: Ink): Box | null {
  let [left, right, top, bottom] = [width, -1, height, -1];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (levels[y * width + x]! < 16) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
    }
  }
  return right < 0 ? null : { left, top, width: right - left + 1, height: bottom - top + 1 };
}

/** The mean of the ink over a rectangle with fractional borders: what a pixel of a smaller image covers. */
function meanOver({ width, height, levels }: Ink, x0: number, y0: number, x1: number, y1: number): number {
  let sum = 0;
  for (let y = Math.max(0, Math.floor(y0)); y < Math.min(height, y1); y++) {
    const rows = Math.min(y + 1, y1) - Math.max(y, y0);
    for (let x = Math.max(0, Math.floor(x0)); x < Math.min(width, x1); x++) {
      sum += rows * (Math.min(x + 1, x1) - Math.max(x, x0)) * levels[y * width + x]!;
    }
  }
  return sum / ((x1 - x0) * (y1 - y0));
}

/** Centre of mass of 28 x 28 levels, in pixels from the left and top edge. */
export function centreOfMass(levels: ArrayLike<number>): readonly [x: number, y: number] {
  let [mass, sumX, sumY] = [0, 0, 0];
  for (let n = 0; n < SIDE * SIDE; n++) {
    const level = levels[n]!;
    mass += level;
    sumX += level * ((n % SIDE) + 0.5);
    sumY += level * (Math.floor(n / SIDE) + 0.5);
  }
  return mass === 0 ? [SIDE / 2, SIDE / 2] : [sumX / mass, sumY / mass];
}

/** The 784 bytes that the model reads, or null where nothing is drawn. */
export function digitImage(ink: Ink): Uint8Array | null {
  const box = inkBox(ink);
  if (box === null) return null;
  // Points of ink per pixel of the image. A dot is not blown up to fill the box.
  const step = Math.max(box.width, box.height, ink.height / 4) / BOX;
  const place = (dx: number, dy: number): Float64Array => {
    const image = new Float64Array(SIDE * SIDE);
    const x0 = box.left + box.width / 2 - (SIDE / 2) * step - dx * step;
    const y0 = box.top + box.height / 2 - (SIDE / 2) * step - dy * step;
    for (let n = 0; n < image.length; n++) {
      const x = x0 + (n % SIDE) * step;
      const y = y0 + Math.floor(n / SIDE) * step;
      image[n] = meanOver(ink, x, y, x + step, y + step);
    }
    return image;
  };
  // The box in the middle first; then moved by whole pixels, as the database's images were.
  const [x, y] = centreOfMass(place(0, 0));
  return Uint8Array.from(place(Math.round(MIDDLE - x), Math.round(MIDDLE - y)), (level) => Math.min(255, Math.round(level)));
}
