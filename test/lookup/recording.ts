/** A transcript for tests of the tree alone: keeps what is sent, and draws the same challenges for the same seed. */
import type { K } from '../../wasm/field/qm31.ts';
import { seededElements, seededGenerator } from '../support/random.ts';

export interface Sent {
  readonly label: string;
  readonly values: readonly K[];
}

export class Recording {
  readonly sent: Sent[] = [];
  private readonly random: () => number;

  constructor(seed: number) {
    this.random = seededGenerator(seed);
  }

  sendElements(label: string, values: readonly K[]): void {
    this.sent.push({ label, values: values.map((v) => [...v] as unknown as K) });
  }

  /** What the plain prover calls it. */
  send(label: string, values: readonly K[]): void {
    this.sendElements(label, values);
  }

  challenge(_label: string): K {
    return seededElements(this.random, 1)[0]!;
  }
}
