/**
 * The transcript: both sides absorb the same messages and draw the same challenges. The prover writes messages into the proof, the verifier reads them from it, in no other way. Source:
 * ../README.md, section 2.
 */
import { P, toWords, type K } from '../field/qm31.ts';
import { JOBS } from '../runtime/jobs.ts';
import type { Kernels } from '../runtime/kernels.ts';
import { Refused } from '../statement/refused.ts';
import { deriveKeyAt, placeKey } from './hashing.ts';

/** Longest message that is absorbed from the transcript's own scratch; larger ones take room in the arena for the moment. */
const SMALL = 2048;
/** Groups of four nonces tried between two looks at the result. */
const GRIND_WINDOW = 4096;

function asBytes(words: Uint32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, 4 * words.length);
}

/** What prover and verifier share: the state, absorbing and drawing. */
class Transcript {
  protected readonly kernels: Kernels;
  /** 32 bytes of state; label, length and data follow, so that one message is one contiguous hash input. */
  private readonly state: number;
  private readonly out: number;
  private readonly keys: { readonly transcript: number; readonly squeeze: number; readonly grind: number };

  constructor(kernels: Kernels) {
    this.kernels = kernels;
    this.state = kernels.arena.allocate(SMALL + 512);
    this.out = kernels.arena.allocate(4096);
    this.keys = { transcript: placeKey(kernels, 'transcript'), squeeze: placeKey(kernels, 'squeeze'), grind: placeKey(kernels, 'grind') };
    kernels.bytes.fill(0, this.state, this.state + 32);
  }

  /** Writes the label (and a length) behind the state at `base`; returns the address behind it. */
  private writeLabel(base: number, label: string, length: number | null): number {
    const bytes = this.kernels.bytes;
    let at = base + 32;
    bytes[at++] = label.length;
    for (let k = 0; k < label.length; k++) bytes[at++] = label.charCodeAt(k);
    if (length === null) return at;
    for (let k = 0; k < 8; k++) bytes[at++] = k < 4 ? (length >>> (8 * k)) & 255 : 0;
    return at;
  }

  absorb(label: string, data: Uint8Array): void {
    const { kernels, state } = this;
    const mark = kernels.arena.mark();
    let base = state;
    if (data.length > SMALL) {
      base = kernels.arena.allocate(data.length + 512);
      kernels.bytes.copyWithin(base, state, state + 32);
    }
    const at = this.writeLabel(base, label, data.length);
    kernels.bytes.set(data, at);
    deriveKeyAt(kernels, this.keys.transcript, base, at + data.length - base, this.out, 32);
    kernels.bytes.copyWithin(state, this.out, this.out + 32);
    kernels.arena.release(mark);
  }

  /** Replaces the state; returns `words` words of output. */
  private squeeze(label: string, words: number): Uint32Array {
    const { kernels, state } = this;
    const at = this.writeLabel(state, label, null);
    const length = 32 + 4 * words;
    const mark = kernels.arena.mark();
    const out = length + 64 > 4096 ? kernels.arena.allocate(length + 64) : this.out;
    deriveKeyAt(kernels, this.keys.squeeze, state, at - state, out, length);
    const result = kernels.words.slice((out >>> 2) + 8, (out >>> 2) + 8 + words);
    kernels.arena.release(mark);
    return result;
  }

  private advance(): void {
    // the new state is what every squeeze of this state and label begins with, however long
    this.kernels.bytes.copyWithin(this.state, this.out, this.out + 32);
  }

  /** A uniform element of K. */
  challenge(label: string): K {
    for (let words = 8; ; words *= 2) {
      const found: number[] = [];
      for (const word of this.squeeze(label, words)) {
        const value = word & P;
        if (value !== P) found.push(value);
        if (found.length === 4) {
          this.advance();
          return found as unknown as K;
        }
      }
    }
  }

  challenges(label: string, count: number): K[] {
    return Array.from({ length: count }, () => this.challenge(label));
  }

  /** `count` distinct indices below n, a power of two, sorted. */
  indices(label: string, n: number, count: number): number[] {
    for (let words = 256; ; words *= 2) {
      if (32 + 4 * words + 64 > 4096) throw new RangeError(`${count} of ${n} indices are more than are ever drawn`);
      const found = new Set<number>();
      for (const word of this.squeeze(label, words)) {
        found.add((word & (n - 1)) >>> 0);
        if (found.size === count) {
          this.advance();
          return [...found].sort((a, b) => a - b);
        }
      }
    }
  }

  /** The smallest nonce from `start` on, below start + 4 * groups, that passes; 2^32 - 1 if there is none. */
  protected findNonce(start: number, groups: number, bits: number): number {
    const { kernels } = this;
    const mark = kernels.arena.mark();
    const results = kernels.arena.allocate(4 * kernels.threads);
    const scratch = kernels.arena.allocate(2048 * kernels.threads);
    kernels.words.fill(0xffffffff, results >>> 2, (results >>> 2) + kernels.threads);
    kernels.parallel(JOBS.grind, [this.state, this.keys.grind, start, bits, results, scratch], groups, 256);
    const best = kernels.words.subarray(results >>> 2, (results >>> 2) + kernels.threads).reduce((a, b) => Math.min(a, b), 0xffffffff);
    kernels.arena.release(mark);
    return best;
  }

  /** Whether a nonce passes against the present state. */
  protected passes(nonce: Uint8Array, bits: number): boolean {
    const { kernels, state } = this;
    kernels.bytes.set(nonce, state + 32);
    deriveKeyAt(kernels, this.keys.grind, state, 40, this.out, 32);
    return (kernels.words[this.out >>> 2]! & (2 ** bits - 1)) === 0;
  }
}

export interface Message {
  readonly label: string;
  /** Bytes from the start of the proof. */
  readonly offset: number;
  readonly length: number;
}

export class ProverTranscript extends Transcript {
  readonly messages: Message[] = [];
  /** Milliseconds spent on grinding so far. */
  grindingTime = 0;
  private readonly parts: Uint8Array[] = [];
  private length = 0;

  sendBytes(label: string, data: Uint8Array): void {
    this.messages.push({ label, offset: this.length, length: data.length });
    this.parts.push(data);
    this.length += data.length;
    this.absorb(label, data);
  }

  /** Base words. The array is kept: do not change it afterwards. */
  sendWords(label: string, words: Uint32Array): void {
    this.sendBytes(label, asBytes(words));
  }

  sendElements(label: string, values: readonly K[]): void {
    this.sendWords(label, toWords(values));
  }

  /** Finds, sends and absorbs the smallest nonce that passes. */
  grind(label: string, bits: number): void {
    const begin = performance.now();
    let nonce = 0xffffffff;
    for (let start = 0; nonce === 0xffffffff; start += 4 * GRIND_WINDOW) nonce = this.findNonce(start, GRIND_WINDOW, bits);
    this.grindingTime += performance.now() - begin;
    const data = new Uint8Array(8);
    new DataView(data.buffer).setUint32(0, nonce, true);
    this.sendBytes(label, data);
  }

  proof(): Uint8Array {
    const out = new Uint8Array(this.length);
    let at = 0;
    for (const part of this.parts) {
      out.set(part, at);
      at += part.length;
    }
    return out;
  }
}

/** Reads a proof. Every method throws `Refused` where the proof does not fit. */
export class VerifierTranscript extends Transcript {
  private readonly bytes: Uint8Array;
  private position = 0;

  constructor(kernels: Kernels, proof: Uint8Array) {
    super(kernels);
    // a copy: nobody changes it under way, and it is a plain array (slices of a Node Buffer are views)
    this.bytes = new Uint8Array(proof);
  }

  private take(label: string, length: number): Uint8Array {
    if (this.bytes.length - this.position < length)
      throw new Refused('proof length', `the proof ends inside '${label}', at byte ${this.position}`);
    const data = this.bytes.slice(this.position, this.position + length);
    this.position += length;
    return data;
  }

  receiveBytes(label: string, length: number): Uint8Array {
    const data = this.take(label, length);
    this.absorb(label, data);
    return data;
  }

  /** Canonical base words. */
  receiveWords(label: string, count: number): Uint32Array {
    const data = this.receiveBytes(label, 4 * count);
    const words = new Uint32Array(data.buffer, 0, count);
    for (const word of words) if (word >= P) throw new Refused('canonical words', `'${label}' has a word that is not below p`);
    return words;
  }

  receiveElements(label: string, count: number): K[] {
    const words = this.receiveWords(label, 4 * count);
    return Array.from({ length: count }, (_, k): K => [words[4 * k]!, words[4 * k + 1]!, words[4 * k + 2]!, words[4 * k + 3]!]);
  }

  grind(label: string, bits: number): void {
    const nonce = this.take(label, 8);
    if (!this.passes(nonce, bits)) throw new Refused('proof of work', `the nonce of '${label}' does not have ${bits} bits`);
    this.absorb(label, nonce);
  }

  end(): void {
    const rest = this.bytes.length - this.position;
    if (rest) throw new Refused('proof length', `${rest} bytes follow the end of the proof`);
  }
}
