// Proof of work on BLAKE3. Four nonces in four lanes, as in blake3.ts; but of the sixteen words of the one block only word 8 depends on the nonce, and of the output only word 0 is wanted.
//
// So the message vectors are laid out once, in the order in which the seven rounds take them; of the first round all but one quarter round is done once; of the last one only what word 0 needs is done.

import { CHUNK_END, CHUNK_START, DERIVE_KEY_MATERIAL, iv, ORDER, ROOT, rotate12, rotate16, rotate7, rotate8 } from './blake3';

/** Bytes of the message vectors of a round, and of all rounds; the state after the first round but for its last quarter round follows. */
const ROUND: usize = 256;
const SCHEDULE: usize = 7 * ROUND;

/** Bytes of a block: the state of the transcript, then the nonce as u64. */
const LENGTH: u32 = 40;

/** A quarter round on the state in memory. */
function quarterRound(state: usize, a: usize, b: usize, c: usize, d: usize, x: v128, y: v128): void {
  let va = v128.load(state + 16 * a),
    vb = v128.load(state + 16 * b),
    vc = v128.load(state + 16 * c),
    vd = v128.load(state + 16 * d);
  va = i32x4.add(i32x4.add(va, vb), x);
  vd = rotate16(v128.xor(vd, va));
  vc = i32x4.add(vc, vd);
  vb = rotate12(v128.xor(vb, vc));
  va = i32x4.add(i32x4.add(va, vb), y);
  vd = rotate8(v128.xor(vd, va));
  vc = i32x4.add(vc, vd);
  vb = rotate7(v128.xor(vb, vc));
  v128.store(state + 16 * a, va);
  v128.store(state + 16 * b, vb);
  v128.store(state + 16 * c, vc);
  v128.store(state + 16 * d, vd);
}

/** The message vectors of all rounds, without the nonce. */
function layOut(schedule: usize, message: usize): void {
  for (let k: usize = 0; k < 112; k++) {
    const word: usize = (load<u8>(ORDER + k) as usize) >> 4;
    v128.store(schedule + 16 * k, word < 8 ? v128.load32_splat(message + 4 * word) : i32x4.splat(0));
  }
}

/** The state after the first round, but for the quarter round that meets the nonce. */
function begin(state: usize, key: usize, words: usize): void {
  for (let i: usize = 0; i < 8; i++) v128.store(state + 16 * i, v128.load32_splat(key + 4 * i));
  for (let i: usize = 0; i < 4; i++) v128.store(state + 128 + 16 * i, i32x4.splat(iv(i as u32)));
  v128.store(state, i32x4.splat(0), 192);
  v128.store(state, i32x4.splat(0), 208);
  v128.store(state, i32x4.splat(LENGTH), 224);
  v128.store(state, i32x4.splat(DERIVE_KEY_MATERIAL | CHUNK_START | CHUNK_END | ROOT), 240);
  for (let i: usize = 0; i < 4; i++)
    quarterRound(state, i, 4 + i, 8 + i, 12 + i, v128.load(words + 32 * i), v128.load(words + 32 * i + 16));
  for (let i: usize = 1; i < 4; i++) {
    quarterRound(
      state,
      i,
      4 + ((i + 1) & 3),
      8 + ((i + 2) & 3),
      12 + ((i + 3) & 3),
      v128.load(words + 128 + 32 * i),
      v128.load(words + 144 + 32 * i),
    );
  }
}

/** Word 0 of the output for four nonces, which stand in the schedule. 5.6 rounds. */
function firstWord(schedule: usize): v128 {
  const state = schedule + SCHEDULE;
  let v0 = v128.load(state),
    v1 = v128.load(state, 16),
    v2 = v128.load(state, 32),
    v3 = v128.load(state, 48),
    v4 = v128.load(state, 64),
    v5 = v128.load(state, 80),
    v6 = v128.load(state, 96),
    v7 = v128.load(state, 112),
    v8 = v128.load(state, 128),
    v9 = v128.load(state, 144),
    v10 = v128.load(state, 160),
    v11 = v128.load(state, 176),
    v12 = v128.load(state, 192),
    v13 = v128.load(state, 208),
    v14 = v128.load(state, 224),
    v15 = v128.load(state, 240);
  // the quarter round of the first round that meets the nonce
  v0 = i32x4.add(i32x4.add(v0, v5), v128.load(schedule, 128));
  v15 = rotate16(v128.xor(v15, v0));
  v10 = i32x4.add(v10, v15);
  v5 = rotate12(v128.xor(v5, v10));
  v0 = i32x4.add(v0, v5);
  v15 = rotate8(v128.xor(v15, v0));
  v10 = i32x4.add(v10, v15);
  v5 = rotate7(v128.xor(v5, v10));
  let words = schedule + ROUND;
  for (const last = schedule + 6 * ROUND; words < last; words += ROUND) {
    v0 = i32x4.add(i32x4.add(v0, v4), v128.load(words, 0));
    v1 = i32x4.add(i32x4.add(v1, v5), v128.load(words, 32));
    v2 = i32x4.add(i32x4.add(v2, v6), v128.load(words, 64));
    v3 = i32x4.add(i32x4.add(v3, v7), v128.load(words, 96));
    v12 = rotate16(v128.xor(v12, v0));
    v13 = rotate16(v128.xor(v13, v1));
    v14 = rotate16(v128.xor(v14, v2));
    v15 = rotate16(v128.xor(v15, v3));
    v8 = i32x4.add(v8, v12);
    v9 = i32x4.add(v9, v13);
    v10 = i32x4.add(v10, v14);
    v11 = i32x4.add(v11, v15);
    v4 = rotate12(v128.xor(v4, v8));
    v5 = rotate12(v128.xor(v5, v9));
    v6 = rotate12(v128.xor(v6, v10));
    v7 = rotate12(v128.xor(v7, v11));
    v0 = i32x4.add(i32x4.add(v0, v4), v128.load(words, 16));
    v1 = i32x4.add(i32x4.add(v1, v5), v128.load(words, 48));
    v2 = i32x4.add(i32x4.add(v2, v6), v128.load(words, 80));
    v3 = i32x4.add(i32x4.add(v3, v7), v128.load(words, 112));
    v12 = rotate8(v128.xor(v12, v0));
    v13 = rotate8(v128.xor(v13, v1));
    v14 = rotate8(v128.xor(v14, v2));
    v15 = rotate8(v128.xor(v15, v3));
    v8 = i32x4.add(v8, v12);
    v9 = i32x4.add(v9, v13);
    v10 = i32x4.add(v10, v14);
    v11 = i32x4.add(v11, v15);
    v4 = rotate7(v128.xor(v4, v8));
    v5 = rotate7(v128.xor(v5, v9));
    v6 = rotate7(v128.xor(v6, v10));
    v7 = rotate7(v128.xor(v7, v11));
    v0 = i32x4.add(i32x4.add(v0, v5), v128.load(words, 128));
    v1 = i32x4.add(i32x4.add(v1, v6), v128.load(words, 160));
    v2 = i32x4.add(i32x4.add(v2, v7), v128.load(words, 192));
    v3 = i32x4.add(i32x4.add(v3, v4), v128.load(words, 224));
    v15 = rotate16(v128.xor(v15, v0));
    v12 = rotate16(v128.xor(v12, v1));
    v13 = rotate16(v128.xor(v13, v2));
    v14 = rotate16(v128.xor(v14, v3));
    v10 = i32x4.add(v10, v15);
    v11 = i32x4.add(v11, v12);
    v8 = i32x4.add(v8, v13);
    v9 = i32x4.add(v9, v14);
    v5 = rotate12(v128.xor(v5, v10));
    v6 = rotate12(v128.xor(v6, v11));
    v7 = rotate12(v128.xor(v7, v8));
    v4 = rotate12(v128.xor(v4, v9));
    v0 = i32x4.add(i32x4.add(v0, v5), v128.load(words, 144));
    v1 = i32x4.add(i32x4.add(v1, v6), v128.load(words, 176));
    v2 = i32x4.add(i32x4.add(v2, v7), v128.load(words, 208));
    v3 = i32x4.add(i32x4.add(v3, v4), v128.load(words, 240));
    v15 = rotate8(v128.xor(v15, v0));
    v12 = rotate8(v128.xor(v12, v1));
    v13 = rotate8(v128.xor(v13, v2));
    v14 = rotate8(v128.xor(v14, v3));
    v10 = i32x4.add(v10, v15);
    v11 = i32x4.add(v11, v12);
    v8 = i32x4.add(v8, v13);
    v9 = i32x4.add(v9, v14);
    v5 = rotate7(v128.xor(v5, v10));
    v6 = rotate7(v128.xor(v6, v11));
    v7 = rotate7(v128.xor(v7, v8));
    v4 = rotate7(v128.xor(v4, v9));
  }
  // of the last round, the columns, and of the diagonals what goes into v0 and v8
  v0 = i32x4.add(i32x4.add(v0, v4), v128.load(words, 0));
  v1 = i32x4.add(i32x4.add(v1, v5), v128.load(words, 32));
  v2 = i32x4.add(i32x4.add(v2, v6), v128.load(words, 64));
  v3 = i32x4.add(i32x4.add(v3, v7), v128.load(words, 96));
  v12 = rotate16(v128.xor(v12, v0));
  v13 = rotate16(v128.xor(v13, v1));
  v14 = rotate16(v128.xor(v14, v2));
  v15 = rotate16(v128.xor(v15, v3));
  v8 = i32x4.add(v8, v12);
  v9 = i32x4.add(v9, v13);
  v10 = i32x4.add(v10, v14);
  v11 = i32x4.add(v11, v15);
  v4 = rotate12(v128.xor(v4, v8));
  v5 = rotate12(v128.xor(v5, v9));
  v6 = rotate12(v128.xor(v6, v10));
  v7 = rotate12(v128.xor(v7, v11));
  v0 = i32x4.add(i32x4.add(v0, v4), v128.load(words, 16));
  v1 = i32x4.add(i32x4.add(v1, v5), v128.load(words, 48));
  v2 = i32x4.add(i32x4.add(v2, v6), v128.load(words, 80));
  v3 = i32x4.add(i32x4.add(v3, v7), v128.load(words, 112));
  v12 = rotate8(v128.xor(v12, v0));
  v13 = rotate8(v128.xor(v13, v1));
  v14 = rotate8(v128.xor(v14, v2));
  v15 = rotate8(v128.xor(v15, v3));
  v8 = i32x4.add(v8, v12);
  v9 = i32x4.add(v9, v13);
  v10 = i32x4.add(v10, v14);
  v11 = i32x4.add(v11, v15);
  v5 = rotate7(v128.xor(v5, v9));
  v7 = rotate7(v128.xor(v7, v11));
  v0 = i32x4.add(i32x4.add(v0, v5), v128.load(words, 128));
  v2 = i32x4.add(i32x4.add(v2, v7), v128.load(words, 192));
  v15 = rotate16(v128.xor(v15, v0));
  v13 = rotate16(v128.xor(v13, v2));
  v10 = i32x4.add(v10, v15);
  v8 = i32x4.add(v8, v13);
  v5 = rotate12(v128.xor(v5, v10));
  v7 = rotate12(v128.xor(v7, v8));
  v0 = i32x4.add(i32x4.add(v0, v5), v128.load(words, 144));
  v2 = i32x4.add(i32x4.add(v2, v7), v128.load(words, 208));
  v13 = rotate8(v128.xor(v13, v2));
  v8 = i32x4.add(v8, v13);
  return v128.xor(v0, v8);
}

/**
 * Job. Proof of work: the smallest nonce of the items (plus `start`) whose H_key(state, u64 nonce) has `bits` low zero bits in its first word goes to the part's result word, if it is smaller than
 * what stands there. Items are groups of four nonces. args: state (32 bytes), key, start, bits, results (4 bytes a part), scratch (2048 bytes a part). 5.6 rounds of four lanes an item.
 */
export function grind(args: usize, part: u32, first: u32, end: u32): void {
  const message = load<u32>(args) as usize,
    key = load<u32>(args + 4) as usize,
    start = load<u32>(args + 8),
    bits = load<u32>(args + 12);
  const result = (load<u32>(args + 16) as usize) + 4 * (part as usize),
    schedule = (load<u32>(args + 20) as usize) + 2048 * (part as usize);
  const mask = i32x4.splat((1 << bits) - 1);
  layOut(schedule, message);
  begin(schedule + SCHEDULE, key, schedule);
  for (let group = first; group < end; group++) {
    const nonce = start + 4 * group;
    if (nonce > load<u32>(result)) return;
    const nonces = i32x4.add(i32x4.splat(nonce), i32x4(0, 1, 2, 3));
    // word 8 in the order of each round
    v128.store(schedule, nonces, 128);
    v128.store(schedule, nonces, 496);
    v128.store(schedule, nonces, 736);
    v128.store(schedule, nonces, 976);
    v128.store(schedule, nonces, 1136);
    v128.store(schedule, nonces, 1344);
    v128.store(schedule, nonces, 1632);
    const passed = i32x4.bitmask(i32x4.eq(v128.and(firstWord(schedule), mask), i32x4.splat(0)));
    if (passed != 0 && nonce + ctz(passed) < load<u32>(result)) store<u32>(result, nonce + ctz(passed));
  }
}
