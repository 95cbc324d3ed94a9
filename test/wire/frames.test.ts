/** Frames come through as they were sent; anything else is refused with the one error, and says where. */
import { decode, encode } from '@msgpack/msgpack';
import { describe, expect, test } from 'vitest';
import { decodeCoordinatorFrame, decodeMinerFrame, encodeFrame, FrameError } from '../../server/wire/frames.ts';
import { MAX_FRAME_BYTES, MAX_PROOF_BYTES } from '../../server/wire/limits.ts';
import { seededGenerator } from '../support/random.ts';
import { coordinatorFrames, JOB, minerFrames } from './messages.ts';

const directions = [
  { name: 'coordinator', frames: coordinatorFrames, decodeOwn: decodeCoordinatorFrame, decodeOther: decodeMinerFrame },
  { name: 'miner', frames: minerFrames, decodeOwn: decodeMinerFrame, decodeOther: decodeCoordinatorFrame },
] as const;

/** Values that no field may have. */
const WRONG: readonly unknown[] = [{}, [[]], -1, 1.5e300, '\u0000', [new Uint8Array(3)], Number.NaN];

for (const { name, frames, decodeOwn, decodeOther } of directions) {
  describe(`frames of a ${name}`, () => {
    test('come through', () => {
      for (const frame of frames) expect(decodeOwn(encodeFrame(frame))).toEqual(frame);
    });

    test('are refused from the other side, but bye', () => {
      for (const frame of frames.filter(({ type }) => type !== 'bye'))
        expect(() => decodeOther(encodeFrame(frame)), frame.type).toThrow(FrameError);
    });

    test('are refused with a field more, a field less, or a field of another type', () => {
      for (const frame of frames) {
        const fields = decode(encodeFrame(frame)) as Record<string, unknown>;
        expect(() => decodeOwn(encode({ ...fields, more: 1 })), `${frame.type} with more`).toThrow(FrameError);
        for (const field of Object.keys(fields)) {
          const without = Object.fromEntries(Object.entries(fields).filter(([key]) => key !== field));
          expect(() => decodeOwn(encode(without)), `${frame.type} without ${field}`).toThrow(FrameError);
          for (const [n, wrong] of WRONG.entries())
            expect(() => decodeOwn(encode({ ...fields, [field]: wrong })), `${frame.type}.${field}, wrong value ${n}`).toThrow(FrameError);
        }
      }
    });

    test('with bytes changed, cut or appended give a frame or the one error', () => {
      const encoded = frames.map((frame) => encodeFrame(frame).slice());
      const random = seededGenerator(name.length);
      let refused = 0;
      for (let round = 0; round < 20_000; round++) {
        const bytes = encoded[Math.floor(random() * encoded.length)]!.slice();
        for (let n = 0; n <= random() * 3; n++) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
        const cut = random() < 0.3 ? bytes.subarray(0, Math.floor(random() * bytes.length)) : bytes;
        try {
          decodeOwn(cut);
        } catch (error) {
          if (!(error instanceof FrameError)) throw error;
          refused++;
        }
      }
      expect(refused).toBeGreaterThan(5_000);
    });
  });
}

test('errors say where and what', () => {
  const job = encode({ type: 'accept', job: 'x' });
  expect(() => decodeMinerFrame(job)).toThrow('job: expected a UUID');
  expect(() => decodeMinerFrame(encode({ type: 'accept', job: JOB, also: 1 }))).toThrow(/also/);
  expect(() => decodeMinerFrame(Uint8Array.of(0xc1))).toThrow(/^not a msgpack frame/);
  expect(() => decodeMinerFrame(new Uint8Array())).toThrow(/^not a msgpack frame/);
});

test('the largest proof fits, a longer frame is refused by both ends', () => {
  const proof = { type: 'proof', job: JOB, proof: new Uint8Array(MAX_PROOF_BYTES), proveMs: 1, signature: new Uint8Array(64) } as const;
  expect((decodeMinerFrame(encodeFrame(proof)) as typeof proof).proof.length).toBe(MAX_PROOF_BYTES);
  expect(() => decodeMinerFrame(encode({ ...proof, proof: new Uint8Array(MAX_PROOF_BYTES + 1) }))).toThrow(
    `at most ${MAX_PROOF_BYTES} bytes`,
  );
  expect(() => encodeFrame({ ...proof, proof: new Uint8Array(MAX_FRAME_BYTES) })).toThrow(FrameError);
  expect(() => decodeMinerFrame(new Uint8Array(MAX_FRAME_BYTES + 1))).toThrow(`at most ${MAX_FRAME_BYTES} bytes`);
});

test('extension types and deep nesting are refused', () => {
  expect(() => decodeMinerFrame(Uint8Array.of(0xd6, 0xff, 0, 0, 0, 0))).toThrow(FrameError);
  const deep = new Uint8Array(100_000).fill(0x91);
  expect(() => decodeMinerFrame(deep)).toThrow(FrameError);
});
