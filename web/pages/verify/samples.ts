/** A digit of each class, from the built-in model's calibration data: the keyboard's way to an input. Fetched when a digits model is chosen. */
import { calibrationDigits, type Digit } from '../../../circuits/models/digits/digits.ts';

let loading: Promise<readonly Digit[]> | null = null;

/** Ten digits, 0 to 9. Rejects where they cannot be fetched; the next call tries again. */
export function sampleDigits(): Promise<readonly Digit[]> {
  loading ??= fetchDigits().catch((error: unknown) => {
    loading = null;
    throw error;
  });
  return loading;
}

async function fetchDigits(): Promise<readonly Digit[]> {
  const response = await fetch(new URL('../../../circuits/models/digits/calibration.u8', import.meta.url));
  if (!response.ok) throw new Error(`the sample digits could not be fetched: ${response.status}`);
  const digits = calibrationDigits(new Uint8Array(await response.arrayBuffer()));
  return digits.slice(20, 30);
}
