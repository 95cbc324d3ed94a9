/**
 * Hashing, the Fiat-Shamir transcript, and the only way to read a proof (README section 2).
 *
 * `ProofReader.receive..` reads, checks and absorbs in one step, so nothing of a proof can be used before it binds every later challenge.
 */
import { blake3 } from '@noble/hashes/blake3.js';
import { P } from '../parameters.ts';
import type { K } from './field.ts';
import { Refused, refuseUnless } from './refused.ts';

export type HashContext = 'circuit' | 'weights' | 'leaf' | 'node' | 'transcript' | 'squeeze' | 'grind';

const ascii = new TextEncoder();

const keyed = new Map<HashContext, ReturnType<typeof blake3.create>>();

/** A fresh BLAKE3 in derive-key mode, context `veritab 1 <name>`; the key is derived once. */
function hasher(name: HashContext): ReturnType<typeof blake3.create> {
  const fresh = keyed.get(name) ?? blake3.create({ context: ascii.encode(`veritab 1 ${name}`) });
  keyed.set(name, fresh);
  return fresh.clone();
}

/** H_name of the concatenated pieces: 32 bytes. */
export function hash(name: HashContext, ...pieces: readonly Uint8Array[]): Uint8Array {
  const state = hasher(name);
  for (const piece of pieces) state.update(piece);
  return state.digest();
}

function u64(value: number): Uint8Array {
  const out = new Uint8Array(8);
  new DataView(out.buffer).setBigUint64(0, BigInt(value), true);
  return out;
}

function labelBytes(label: string): Uint8Array {
  const name = ascii.encode(label);
  return Uint8Array.of(name.length, ...name);
}

/** An endless sequence of u32 words from BLAKE3's extendable output. */
function* wordsOf(stream: { xof(bytes: number): Uint8Array }): Generator<number, never> {
  for (;;) {
    const block = stream.xof(64);
    const view = new DataView(block.buffer, block.byteOffset, 64);
    for (let i = 0; i < 64; i += 4) yield view.getUint32(i, true);
  }
}

export class Transcript {
  state: Uint8Array = new Uint8Array(32);

  absorb(label: string, data: Uint8Array): void {
    this.state = hash('transcript', this.state, labelBytes(label), u64(data.length), data);
  }

  private squeeze(label: string): Generator<number, never> {
    const stream = hasher('squeeze').update(this.state).update(labelBytes(label));
    this.state = stream.xof(32);
    return wordsOf(stream);
  }

  challenge(label: string): K {
    const output = this.squeeze(label);
    const word = (): number => {
      let candidate = P;
      while (candidate === P) candidate = output.next().value & 0x7fffffff;
      return candidate;
    };
    return [word(), word(), word(), word()];
  }

  challenges(label: string, n: number): K[] {
    return Array.from({ length: n }, () => this.challenge(label));
  }

  /** `count` distinct indices below n, a power of two not below `count`; ascending. */
  indices(label: string, n: number, count: number): number[] {
    if (count > n) throw new RangeError(`${count} distinct indices below ${n}`);
    const output = this.squeeze(label);
    const found = new Set<number>();
    while (found.size < count) found.add(output.next().value & (n - 1));
    return [...found].sort((a, b) => a - b);
  }

  /** Does the nonce (8 bytes) have its low `zeroBits` bits of work done on the present state? */
  grinds(nonce: Uint8Array, zeroBits: number): boolean {
    const digest = hash('grind', this.state, nonce);
    const word = new DataView(digest.buffer, digest.byteOffset, 4).getUint32(0, true);
    return word % 2 ** zeroBits === 0;
  }
}

/** Reads a proof from its first byte to its last. Every method throws `Refused`, and nothing else, on what does not fit. */
export class ProofReader extends Transcript {
  private readonly proof: Uint8Array;
  private position = 0;

  constructor(proof: Uint8Array) {
    super();
    this.proof = new Uint8Array(proof); // a copy, so that nobody changes it under way
  }

  private take(label: string, length: number): Uint8Array {
    const left = this.proof.length - this.position;
    refuseUnless(left >= length, 'proof length', `message '${label}' needs ${length} bytes, ${left} are left`);
    this.position += length;
    return this.proof.slice(this.position - length, this.position);
  }

  /** n elements of F. */
  receiveBase(label: string, n: number): number[] {
    const data = this.take(label, 4 * n);
    const view = new DataView(data.buffer);
    const words = Array.from({ length: n }, (_, i) => view.getUint32(4 * i, true));
    const bad = words.find((word) => word >= P);
    if (bad !== undefined) throw new Refused('canonical words', `message '${label}' has the word ${bad}, not below ${P}`);
    this.absorb(label, data);
    return words;
  }

  /** n elements of K. */
  receive(label: string, n: number): K[] {
    const words = this.receiveBase(label, 4 * n);
    return Array.from({ length: n }, (_, i) => [words[4 * i]!, words[4 * i + 1]!, words[4 * i + 2]!, words[4 * i + 3]!]);
  }

  /** n digests, one message. */
  receiveDigests(label: string, n: number): Uint8Array[] {
    const data = this.take(label, 32 * n);
    this.absorb(label, data);
    return Array.from({ length: n }, (_, i) => data.slice(32 * i, 32 * i + 32));
  }

  /** A nonce, judged on the state before it is absorbed. */
  grind(label: string, zeroBits: number): void {
    const nonce = this.take(label, 8);
    refuseUnless(this.grinds(nonce, zeroBits), 'grinding', `the nonce of '${label}' does not give ${zeroBits} zero bits`);
    this.absorb(label, nonce);
  }

  end(): void {
    const left = this.proof.length - this.position;
    refuseUnless(left === 0, 'proof length', `${left} bytes after the last message`);
  }
}
