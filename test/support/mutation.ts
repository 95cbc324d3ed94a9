/** Damaged copies of files, for tests of what reads them. */

/**
 * A copy with one to three kinds of damage: bits and bytes changed, numbers replaced by extreme ones, pieces cut out, doubled, moved or put in, the end cut or extended. `random` gives
 * uniform numbers in [0, 1).
 */
export function damaged(file: Uint8Array, random: () => number): Uint8Array {
  const below = (n: number): number => Math.floor(random() * n);
  let bytes: Uint8Array<ArrayBuffer> = Uint8Array.from(file);
  for (let n = 1 + below(3); n > 0; n--) bytes = damageOnce(bytes, below);
  return bytes;
}

const EXTREMES = [0, 1, 7, 8, 9, 255, 256, 2 ** 16, 2 ** 20, 2 ** 24, 2 ** 27, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];

function damageOnce(bytes: Uint8Array<ArrayBuffer>, below: (n: number) => number): Uint8Array<ArrayBuffer> {
  const at = below(bytes.length + 1);
  const end = Math.min(bytes.length, at + 1 + below(16));
  switch (below(8)) {
    case 0:
      bytes[at % Math.max(1, bytes.length)]! ^= 1 << below(8);
      return bytes;
    case 1:
      bytes[at % Math.max(1, bytes.length)] = below(256);
      return bytes;
    case 2:
      if (at + 4 <= bytes.length) new DataView(bytes.buffer).setUint32(at, EXTREMES[below(EXTREMES.length)]!, true);
      return bytes;
    case 3:
      return bytes.slice(0, at);
    case 4:
      return joined(
        bytes,
        Uint8Array.from({ length: 1 + below(8) }, () => below(256)),
      );
    case 5:
      return joined(bytes.slice(0, at), bytes.slice(end));
    case 6:
      return joined(bytes.slice(0, end), bytes.slice(at));
    default:
      return joined(
        bytes.slice(0, at),
        Uint8Array.from({ length: 1 + below(8) }, () => below(256)),
        bytes.slice(at),
      );
  }
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
