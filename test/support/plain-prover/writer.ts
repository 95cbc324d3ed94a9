/** The prover's transcript: writes what the reader reads, and records messages and challenges for tests. */
import { blake3 } from '@noble/hashes/blake3.js';
import type { K } from '../../../wasm/reference/field.ts';
import { Transcript } from '../../../wasm/reference/transcript.ts';

/** Where a message lies in the proof, in bytes. */
export interface Message {
  readonly label: string;
  readonly offset: number;
  readonly length: number;
}

/** Smallest nonce whose hash with the state has so many low zero bits. */
export type Grind = (state: Uint8Array, zeroBits: number) => number | bigint;

/** What the transcript went through, in order. */
export type TranscriptEvent =
  | { readonly kind: 'absorb'; readonly label: string; readonly data: Uint8Array }
  | { readonly kind: 'challenge'; readonly label: string; readonly value: K }
  | { readonly kind: 'indices'; readonly label: string; readonly n: number; readonly value: readonly number[] };

const grindHasher = blake3.create({ context: new TextEncoder().encode('veritab 1 grind') });

export const plainGrind: Grind = (state, zeroBits) => {
  const data = new Uint8Array(40);
  data.set(state);
  const view = new DataView(data.buffer);
  for (let nonce = 0; ; nonce++) {
    view.setUint32(32, nonce, true);
    const digest = grindHasher.clone().update(data).digest();
    if ((digest[0]! | (digest[1]! << 8) | (digest[2]! << 16)) % 2 ** zeroBits === 0) return nonce;
  }
};

/** What is sent instead of a message; `occurrence` counts the messages of a label from 0. A cheating prover goes on from what it sent. */
export type Alter = (label: string, occurrence: number, data: Uint8Array) => Uint8Array;

export class ProofWriter extends Transcript {
  readonly messages: Message[] = [];
  readonly events: TranscriptEvent[] = [];
  private readonly pieces: Uint8Array[] = [];
  private length = 0;
  private readonly findNonce: Grind;
  private readonly alter: Alter | undefined;

  constructor(findNonce: Grind = plainGrind, alter?: Alter) {
    super();
    this.findNonce = findNonce;
    this.alter = alter;
  }

  get proof(): Uint8Array {
    const out = new Uint8Array(this.length);
    let offset = 0;
    for (const piece of this.pieces) {
      out.set(piece, offset);
      offset += piece.length;
    }
    return out;
  }

  override absorb(label: string, data: Uint8Array): void {
    super.absorb(label, data);
    this.events.push({ kind: 'absorb', label, data });
  }

  override challenge(label: string): K {
    const value = super.challenge(label);
    this.events.push({ kind: 'challenge', label, value });
    return value;
  }

  override indices(label: string, n: number, count: number): number[] {
    const value = super.indices(label, n, count);
    this.events.push({ kind: 'indices', label, n, value });
    return value;
  }

  sendBytes(label: string, honest: Uint8Array): void {
    const data = this.alter?.(label, this.messages.filter((message) => message.label === label).length, honest) ?? honest;
    this.messages.push({ label, offset: this.length, length: data.length });
    this.pieces.push(data);
    this.length += data.length;
    this.absorb(label, data);
  }

  sendBase(label: string, words: readonly number[]): void {
    const view = new DataView(new ArrayBuffer(4 * words.length));
    words.forEach((word, i) => view.setUint32(4 * i, word, true));
    this.sendBytes(label, new Uint8Array(view.buffer));
  }

  send(label: string, elements: readonly K[]): void {
    this.sendBase(label, elements.flat());
  }

  grind(label: string, zeroBits: number): void {
    const nonce = new Uint8Array(8);
    new DataView(nonce.buffer).setBigUint64(0, BigInt(this.findNonce(this.state, zeroBits)), true);
    this.sendBytes(label, nonce);
  }
}
