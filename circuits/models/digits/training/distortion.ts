/**
 * Distorted copies of a digit, as another hand may have written it: a random affine map about the centre, and on top an elastic
 * displacement (Simard, Steinkraus and Platt 2003) that is smooth because it is a cubic B-spline over a coarse grid of random vectors.
 * Everything is drawn uniformly, so that no transcendental function is needed.
 */
import type { Random } from './random.ts';

export interface DistortionRanges {
  /** Largest displacement of the whole image along each axis, in pixels. */
  readonly shift: number;
  /** Largest deviation of the stretch along each axis from 1. */
  readonly stretch: number;
  /** Largest coefficients of rotation (about the tangent of the angle) and of slant. */
  readonly rotation: number;
  readonly slant: number;
  /** Largest component of a random vector of the elastic grid, in pixels. The displacements are about a quarter of it (root mean square). */
  readonly elastic: number;
}

export interface Distortion {
  /** Sets `target` (side x side, 0..1) to a distorted copy of `image` (side x side bytes). */
  apply(image: Uint8Array, target: Float64Array, random: Random): void;
}

/** Pixels between neighbouring vectors of the elastic grid. */
const SPACING = 7;

/** Distortion of square images. */
export function createDistortion(side: number, ranges: DistortionRanges): Distortion {
  const gridSide = Math.ceil(side / SPACING) + 3;
  const grid = new Float64Array(2 * gridSide * gridSide);
  const spline = splineWeights(side);
  /** The grid's two components, interpolated to the current row: [component][grid column]. */
  const rowGrid = new Float64Array(2 * gridSide);
  const centre = (side - 1) / 2;

  function interpolateRow(row: number): void {
    const firstRow = Math.floor(row / SPACING);
    for (let component = 0; component < 2; component++) {
      for (let column = 0; column < gridSide; column++) {
        let sum = 0;
        for (let tap = 0; tap < 4; tap++) {
          sum += spline[4 * row + tap]! * grid[(component * gridSide + firstRow + tap) * gridSide + column]!;
        }
        rowGrid[component * gridSide + column] = sum;
      }
    }
  }

  function displacement(component: number, column: number): number {
    const first = component * gridSide + Math.floor(column / SPACING);
    let sum = 0;
    for (let tap = 0; tap < 4; tap++) sum += spline[4 * column + tap]! * rowGrid[first + tap]!;
    return sum;
  }

  return {
    apply(image, target, random) {
      const { shift, stretch, rotation, slant, elastic } = ranges;
      const shiftX = random.uniform(-shift, shift);
      const shiftY = random.uniform(-shift, shift);
      const xx = 1 + random.uniform(-stretch, stretch);
      const yy = 1 + random.uniform(-stretch, stretch);
      const turn = random.uniform(-rotation, rotation);
      const xy = turn + random.uniform(-slant, slant);
      for (let i = 0; i < grid.length; i++) grid[i] = random.uniform(-elastic, elastic);

      for (let row = 0; row < side; row++) {
        interpolateRow(row);
        for (let column = 0; column < side; column++) {
          const x = column - centre;
          const y = row - centre;
          const sourceX = centre + xx * x + xy * y + shiftX + displacement(0, column);
          const sourceY = centre - turn * x + yy * y + shiftY + displacement(1, column);
          target[row * side + column] = sample(image, side, sourceX, sourceY) / 255;
        }
      }
    },
  };
}

/** The four weights of the uniform cubic B-spline at each of `side` pixels. */
function splineWeights(side: number): Float64Array {
  const weights = new Float64Array(4 * side);
  for (let pixel = 0; pixel < side; pixel++) {
    const t = (pixel % SPACING) / SPACING;
    const rest = 1 - t;
    weights[4 * pixel] = (rest * rest * rest) / 6;
    weights[4 * pixel + 1] = (3 * t * t * t - 6 * t * t + 4) / 6;
    weights[4 * pixel + 2] = (3 * rest * rest * rest - 6 * rest * rest + 4) / 6;
    weights[4 * pixel + 3] = (t * t * t) / 6;
  }
  return weights;
}

/** Bilinear interpolation, 0 outside. */
function sample(image: Uint8Array, side: number, x: number, y: number): number {
  const left = Math.floor(x);
  const top = Math.floor(y);
  if (left < -1 || left >= side || top < -1 || top >= side) return 0;
  const right = x - left;
  const below = y - top;
  const at = top * side + left;
  const inLeft = left >= 0;
  const inRight = left + 1 < side;
  let upper = 0;
  let lower = 0;
  if (top >= 0) upper = (inLeft ? (1 - right) * image[at]! : 0) + (inRight ? right * image[at + 1]! : 0);
  if (top + 1 < side) lower = (inLeft ? (1 - right) * image[at + side]! : 0) + (inRight ? right * image[at + side + 1]! : 0);
  return (1 - below) * upper + below * lower;
}
