/**
 * Fiat-Shamir: every challenge depends on everything before it. The plain prover's transcript is recorded; since a verifier accepts the
 * proof, it absorbs and draws the same (one message less, and its challenges would be others).
 */
import { expect, test } from 'vitest';
import { circuitDigest } from '../../circuits/graph/encoding.ts';
import { Transcript } from '../../wasm/reference/transcript.ts';
import { ProverTranscript } from '../../wasm/transcript/transcript.ts';
import { committedNet, denseNet, elementwiseNet, type Sample } from '../support/circuits.ts';
import type { TranscriptEvent } from '../support/plain-prover/writer.ts';
import { CONTEXT, expectAccepted, honestProof, shownWeights } from './proofs.ts';
import { kernels } from './verifiers.ts';

type Drawn = Exclude<TranscriptEvent, { kind: 'absorb' }>;

/** What both implementations can do. */
type Replayed = Pick<Transcript, 'absorb' | 'challenge' | 'indices'>;

const isDrawn = (event: TranscriptEvent): event is Drawn => event.kind !== 'absorb';

/** Goes through the events again, with other data at `changed`; returns what is drawn. */
function replay(transcript: Replayed, events: readonly TranscriptEvent[], changed = -1): Drawn['value'][] {
  return events.flatMap((event, n): Drawn['value'][] => {
    if (event.kind === 'challenge') return [transcript.challenge(event.label)];
    if (event.kind === 'indices') return [transcript.indices(event.label, event.n, event.value.length)];
    transcript.absorb(event.label, n === changed ? otherData(event.data) : event.data);
    return [];
  });
}

/** One bit flipped; one byte where there is none. */
function otherData(data: Uint8Array): Uint8Array {
  return data.length === 0 ? Uint8Array.of(0) : data.with(data.length - 1, data.at(-1)! ^ 128);
}

const samples: readonly Sample[] = [elementwiseNet(), denseNet(), committedNet()];

for (const sample of samples) {
  const shown = honestProof(sample);
  const { events, proof, statement } = shown;
  const drawn = events.filter(isDrawn).map(({ value }) => value);

  test(`both transcripts of the ${sample.name} draw the same`, () => {
    expectAccepted(sample.circuit, shownWeights(sample), shown);
    expect(replay(new Transcript(), events)).toEqual(drawn);
    const mark = kernels.arena.mark();
    expect(replay(new ProverTranscript(kernels), events)).toEqual(drawn);
    kernels.arena.release(mark);
  });

  test(`the statement of the ${sample.name}, then every byte of its proof are absorbed, in order`, () => {
    const absorbed = events.flatMap((event) => (event.kind === 'absorb' ? [event] : []));
    const bytes = (values: Uint8Array | Int32Array): Uint8Array => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const expected = [
      ['version', Uint8Array.of(1)],
      ['parameters', Uint8Array.of(1)],
      ['flags', Uint8Array.of(0, sample.circuit.weightRoot === null ? 0 : 1)],
      ['circuit', circuitDigest(sample.circuit)],
      ...statement.inputs.map((values) => ['input', values]),
      ...statement.outputs.map((values) => ['output', bytes(values)]),
      ['context', CONTEXT],
    ];
    expect(events.findIndex(isDrawn)).toBe(expected.length + 1); // the witness root comes before the first challenge
    expect(absorbed.slice(0, expected.length).map(({ label, data }) => [label, data])).toEqual(expected);
    expect(Buffer.concat(absorbed.slice(expected.length).map(({ data }) => data)).equals(proof)).toBe(true);
  });

  test(`changing anything that the ${sample.name}'s proof absorbs changes every later challenge, and no earlier one`, () => {
    events.forEach((event, n) => {
      if (event.kind !== 'absorb') return;
      const before = events.slice(0, n).filter(isDrawn).length;
      const others = replay(new Transcript(), events, n);
      expect(others.slice(0, before)).toEqual(drawn.slice(0, before));
      for (let k = before; k < drawn.length; k++) {
        if (String(others[k]) === String(drawn[k])) expect.fail(`challenge ${k} does not depend on '${event.label}', event ${n}`);
      }
    });
  });
}

test('the label is part of what is absorbed and drawn, and a message is bound to its length', () => {
  const state = (data: Uint8Array, label = 'a', drawnAs = 'b'): unknown => {
    const transcript = new Transcript();
    transcript.absorb(label, data);
    return transcript.challenge(drawnAs);
  };
  const data = Uint8Array.of(98, 0);
  const all = [
    state(data),
    state(data, 'b'),
    state(data, 'a', 'c'),
    state(data.subarray(1)),
    state(Uint8Array.of(98, 0, 0)),
    state(data, 'ab'),
  ];
  expect(new Set(all.map(String)).size).toBe(all.length);
});
