// BLAKE3 in derive-key mode, four messages in four lanes. One message alone fills all four lanes with the same block. Source: the BLAKE3 paper, section 2.
//
// Scratch of a compression: 16 state vectors, 16 message vectors, 8 chaining vectors (640 bytes).

const CHUNK_START: u32 = 1;
const CHUNK_END: u32 = 2;
const PARENT: u32 = 4;
const ROOT: u32 = 8;
const DERIVE_KEY_CONTEXT: u32 = 32;
const DERIVE_KEY_MATERIAL: u32 = 64;

const MESSAGE: usize = 256;
const CHAINING: usize = 512;

// @ts-ignore: decorator
@inline
function iv(i: u32): u32 {
  switch (i) {
    case 0:
      return 0x6a09e667;
    case 1:
      return 0xbb67ae85;
    case 2:
      return 0x3c6ef372;
    case 3:
      return 0xa54ff53a;
    case 4:
      return 0x510e527f;
    case 5:
      return 0x9b05688c;
    case 6:
      return 0x1f83d9ab;
    default:
      return 0x5be0cd19;
  }
}

// @ts-ignore: decorator
@inline
function rotate16(x: v128): v128 {
  return v128.shuffle<u8>(x, x, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
}
// @ts-ignore: decorator
@inline
function rotate12(x: v128): v128 {
  return v128.or(i32x4.shr_u(x, 12), i32x4.shl(x, 20));
}
// @ts-ignore: decorator
@inline
function rotate8(x: v128): v128 {
  return v128.shuffle<u8>(x, x, 1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12);
}
// @ts-ignore: decorator
@inline
function rotate7(x: v128): v128 {
  return v128.or(i32x4.shr_u(x, 7), i32x4.shl(x, 25));
}

// The quarter round on state vectors a, b, c, d with message vectors x, y.
// @ts-ignore: decorator
@inline
function quarter(s: usize, a: usize, b: usize, c: usize, d: usize, x: usize, y: usize): void {
  let va = v128.load(s + 16 * a),
    vb = v128.load(s + 16 * b),
    vc = v128.load(s + 16 * c),
    vd = v128.load(s + 16 * d);
  va = i32x4.add(i32x4.add(va, vb), v128.load(s + MESSAGE + 16 * x));
  vd = rotate16(v128.xor(vd, va));
  vc = i32x4.add(vc, vd);
  vb = rotate12(v128.xor(vb, vc));
  va = i32x4.add(i32x4.add(va, vb), v128.load(s + MESSAGE + 16 * y));
  vd = rotate8(v128.xor(vd, va));
  vc = i32x4.add(vc, vd);
  vb = rotate7(v128.xor(vb, vc));
  v128.store(s + 16 * a, va);
  v128.store(s + 16 * b, vb);
  v128.store(s + 16 * c, vc);
  v128.store(s + 16 * d, vd);
}

// One round with the message order given.
// @ts-ignore: decorator
@inline
function round(
  s: usize,
  m0: usize,
  m1: usize,
  m2: usize,
  m3: usize,
  m4: usize,
  m5: usize,
  m6: usize,
  m7: usize,
  m8: usize,
  m9: usize,
  m10: usize,
  m11: usize,
  m12: usize,
  m13: usize,
  m14: usize,
  m15: usize,
): void {
  quarter(s, 0, 4, 8, 12, m0, m1);
  quarter(s, 1, 5, 9, 13, m2, m3);
  quarter(s, 2, 6, 10, 14, m4, m5);
  quarter(s, 3, 7, 11, 15, m6, m7);
  quarter(s, 0, 5, 10, 15, m8, m9);
  quarter(s, 1, 6, 11, 12, m10, m11);
  quarter(s, 2, 7, 8, 13, m12, m13);
  quarter(s, 3, 4, 9, 14, m14, m15);
}

/**
 * Compresses four blocks: message vectors at s + 256, chaining values at s + 512, counter (low word), block length and flags the same for all lanes unless `counters` differs by lane.
 * Leaves the 16 output vectors at s.
 */
function compress(s: usize, counters: v128, length: u32, flags: u32): void {
  for (let i: usize = 0; i < 8; i++) v128.store(s + 16 * i, v128.load(s + CHAINING + 16 * i));
  for (let i: u32 = 0; i < 4; i++) v128.store(s + 128 + 16 * (i as usize), i32x4.splat(iv(i)));
  v128.store(s + 192, counters);
  v128.store(s + 208, i32x4.splat(0));
  v128.store(s + 224, i32x4.splat(length));
  v128.store(s + 240, i32x4.splat(flags));
  round(s, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  round(s, 2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8);
  round(s, 3, 4, 10, 12, 13, 2, 7, 14, 6, 5, 9, 0, 11, 15, 8, 1);
  round(s, 10, 7, 12, 9, 14, 3, 13, 15, 4, 0, 11, 2, 5, 8, 1, 6);
  round(s, 12, 13, 9, 11, 15, 10, 14, 8, 7, 2, 5, 3, 0, 1, 6, 4);
  round(s, 9, 14, 11, 5, 8, 12, 15, 1, 13, 3, 0, 10, 2, 6, 4, 7);
  round(s, 11, 15, 5, 0, 1, 9, 8, 6, 14, 10, 2, 12, 3, 4, 7, 13);
  for (let i: usize = 0; i < 8; i++) {
    const low = v128.load(s + 16 * i),
      high = v128.load(s + 128 + 16 * i);
    v128.store(s + 16 * i, v128.xor(low, high));
    v128.store(s + 128 + 16 * i, v128.xor(high, v128.load(s + CHAINING + 16 * i)));
  }
}

// @ts-ignore: decorator
@inline
function setKey(s: usize, key: usize): void {
  for (let i: usize = 0; i < 8; i++) v128.store(s + CHAINING + 16 * i, v128.load32_splat(key + 4 * i));
}

// @ts-ignore: decorator
@inline
function keepChaining(s: usize): void {
  for (let i: usize = 0; i < 8; i++) v128.store(s + CHAINING + 16 * i, v128.load(s + 16 * i));
}

// Message vectors: the block of `length` <= 64 bytes at `input`, the same in all lanes, zero-padded.
function setBlock(s: usize, input: usize, length: u32): void {
  for (let i: u32 = 0; i < 16; i++) {
    let word: u32 = 0;
    if (((4 * i + 4) as u32) <= length) word = load<u32>(input + 4 * i);
    else for (let k: u32 = 4 * i; k < length; k++) word |= (load<u8>(input + k) as u32) << (8 * (k - 4 * i));
    v128.store(s + MESSAGE + 16 * (i as usize), i32x4.splat(word));
  }
}

// Lane 0 of the first 8 output vectors, as 32 bytes.
// @ts-ignore: decorator
@inline
function storeDigest(s: usize, out: usize): void {
  for (let i: usize = 0; i < 8; i++) store<u32>(out + 4 * i, load<u32>(s + 16 * i));
}

// The chaining value of one chunk of up to 1024 bytes; the last block gets `last` flags besides. If `last` has ROOT, the state at s is the root's, and its block stays set for more output.
function hashChunk(s: usize, key: usize, input: usize, length: u32, counter: u32, mode: u32, last: u32): void {
  setKey(s, key);
  let at: u32 = 0;
  let start = CHUNK_START;
  for (;;) {
    const rest = length - at;
    const size: u32 = min<u32>(64, rest);
    setBlock(s, input + at, size);
    if (rest <= 64) {
      compress(s, i32x4.splat(counter), size, mode | start | CHUNK_END | last);
      return;
    }
    compress(s, i32x4.splat(counter), 64, mode | start);
    keepChaining(s);
    start = 0;
    at += 64;
  }
}

// Four whole chunks in four lanes; chaining values to out (4 x 32 bytes).
function hashFourChunks(s: usize, key: usize, input: usize, counter: u32, mode: u32, out: usize): void {
  setKey(s, key);
  const counters = i32x4.add(i32x4.splat(counter), i32x4(0, 1, 2, 3));
  for (let block: u32 = 0; block < 16; block++) {
    for (let i: usize = 0; i < 16; i++) {
      const at = input + 64 * (block as usize) + 4 * i;
      v128.store(s + MESSAGE + 16 * i, i32x4(load<i32>(at), load<i32>(at + 1024), load<i32>(at + 2048), load<i32>(at + 3072)));
    }
    compress(s, counters, 64, mode | (block == 0 ? CHUNK_START : 0) | (block == 15 ? CHUNK_END : 0));
    keepChaining(s);
  }
  storeFour(s, out);
}

// The 8 words of four lanes as four digests.
// @ts-ignore: decorator
@inline
function storeFour(s: usize, out: usize): void {
  for (let i: usize = 0; i < 8; i++) {
    const v = s + 16 * i;
    store<u32>(out + 4 * i, load<u32>(v));
    store<u32>(out + 32 + 4 * i, load<u32>(v + 4));
    store<u32>(out + 64 + 4 * i, load<u32>(v + 8));
    store<u32>(out + 96 + 4 * i, load<u32>(v + 12));
  }
}

/** The key of a context string (up to 1024 bytes): 32 bytes to `out`. `scratch`: 704 bytes. */
export function contextKey(input: usize, length: u32, out: usize, scratch: usize): void {
  const words = scratch + 640;
  for (let i: u32 = 0; i < 8; i++) store<u32>(words + 4 * (i as usize), iv(i));
  hashChunk(scratch, words, input, length, 0, DERIVE_KEY_CONTEXT, ROOT);
  storeDigest(scratch, out);
}

/**
 * H_key(input), `outLength` bytes (extended output in blocks of 64: `out` needs room for whole blocks). `scratch`: 640 bytes and 32 per chunk of 1024 bytes.
 */
export function deriveKey(key: usize, input: usize, length: u32, out: usize, outLength: u32, scratch: usize): void {
  const s = scratch,
    chaining = scratch + 640;
  if (length <= 1024) {
    hashChunk(s, key, input, length, 0, DERIVE_KEY_MATERIAL, ROOT);
    const size: u32 = length == 0 ? 0 : ((length - 1) & 63) + 1;
    const flags = DERIVE_KEY_MATERIAL | CHUNK_END | ROOT | (length <= 64 ? CHUNK_START : 0);
    outputBlocks(s, size, flags, out, outLength);
    return;
  }
  let chunks: u32 = 0;
  let at: u32 = 0;
  while (length - at > 4096) {
    hashFourChunks(s, key, input + at, chunks, DERIVE_KEY_MATERIAL, chaining + 32 * (chunks as usize));
    chunks += 4;
    at += 4096;
  }
  while (at < length) {
    const size: u32 = min<u32>(1024, length - at);
    hashChunk(s, key, input + at, size, chunks, DERIVE_KEY_MATERIAL, 0);
    storeDigest(s, chaining + 32 * (chunks as usize));
    chunks++;
    at += size;
  }
  // pairs of neighbours, an odd one carried up: the tree of BLAKE3
  while (chunks > 2) {
    const pairs = chunks >> 1;
    for (let i: u32 = 0; i < pairs; i++) {
      setKey(s, key);
      setBlock(s, chaining + 64 * (i as usize), 64);
      compress(s, i32x4.splat(0), 64, DERIVE_KEY_MATERIAL | PARENT);
      storeDigest(s, chaining + 32 * (i as usize));
    }
    if (chunks & 1) memory.copy(chaining + 32 * (pairs as usize), chaining + 32 * ((chunks - 1) as usize), 32);
    chunks = pairs + (chunks & 1);
  }
  setKey(s, key);
  setBlock(s, chaining, 64);
  const flags = DERIVE_KEY_MATERIAL | PARENT | ROOT;
  compress(s, i32x4.splat(0), 64, flags);
  outputBlocks(s, 64, flags, out, outLength);
}

// The root's state stands at s (counter 0), its block and chaining value too: the output in blocks of 64 bytes.
function outputBlocks(s: usize, size: u32, flags: u32, out: usize, outLength: u32): void {
  for (let i: usize = 0; i < 16; i++) store<u32>(out + 4 * i, load<u32>(s + 16 * i));
  for (let block: u32 = 1; ((64 * block) as u32) < outLength; block++) {
    compress(s, i32x4.splat(block), size, flags);
    for (let i: usize = 0; i < 16; i++) store<u32>(out + 64 * (block as usize) + 4 * i, load<u32>(s + 16 * i));
  }
}

/**
 * Job. Leaves of a matrix of u32 with n columns: leaf j = H_key(column j), at most 256 rows; items are groups of four columns. args: matrix, rows, columns, key, leaves, scratch (640 bytes a
 * part). One compression per 16 rows and four columns.
 */
export function hashColumns(args: usize, part: u32, begin: u32, end: u32): void {
  const matrix = load<u32>(args) as usize,
    rows = load<u32>(args + 4),
    columns = load<u32>(args + 8) as usize,
    key = load<u32>(args + 12) as usize,
    leaves = load<u32>(args + 16) as usize;
  const s = (load<u32>(args + 20) as usize) + 640 * (part as usize);
  const zero = i32x4.splat(0);
  for (let group = begin; group < end; group++) {
    setKey(s, key);
    let from = matrix + 16 * (group as usize);
    for (let row: u32 = 0; row < rows; row += 16) {
      const size: u32 = min<u32>(16, rows - row);
      for (let i: u32 = 0; i < 16; i++) {
        if (i < size) {
          v128.store(s + MESSAGE + 16 * (i as usize), v128.load(from));
          from += 4 * columns;
        } else v128.store(s + MESSAGE + 16 * (i as usize), zero);
      }
      const last = row + 16 >= rows;
      compress(s, zero, 4 * size, DERIVE_KEY_MATERIAL | (row == 0 ? CHUNK_START : 0) | (last ? CHUNK_END | ROOT : 0));
      if (!last) keepChaining(s);
    }
    storeFour(s, leaves + 128 * (group as usize));
  }
}

/**
 * Job. Nodes of a Merkle tree: node i = H_key(child 2i, child 2i + 1); items are groups of four nodes (the rest of the last group reads and writes behind the end). args: children, key,
 * nodes, scratch (640 bytes a part).
 */
export function hashNodes(args: usize, part: u32, begin: u32, end: u32): void {
  const children = load<u32>(args) as usize,
    key = load<u32>(args + 4) as usize,
    nodes = load<u32>(args + 8) as usize;
  const s = (load<u32>(args + 12) as usize) + 640 * (part as usize);
  for (let group = begin; group < end; group++) {
    setKey(s, key);
    const from = children + 256 * (group as usize);
    for (let i: usize = 0; i < 16; i++) {
      const at = from + 4 * i;
      v128.store(s + MESSAGE + 16 * i, i32x4(load<i32>(at), load<i32>(at + 64), load<i32>(at + 128), load<i32>(at + 192)));
    }
    compress(s, i32x4.splat(0), 64, DERIVE_KEY_MATERIAL | CHUNK_START | CHUNK_END | ROOT);
    storeFour(s, nodes + 128 * (group as usize));
  }
}

/**
 * Job. Proof of work: the smallest nonce of the items (plus `start`) whose H_key(state, u64 nonce) has `bits` low zero bits in its first word goes to the part's result word, if it is smaller than
 * what stands there. Items are groups of four nonces. args: state (32 bytes), key, start, bits, results (4 bytes a part), scratch (640 bytes a part).
 */
export function grind(args: usize, part: u32, begin: u32, end: u32): void {
  const state = load<u32>(args) as usize,
    key = load<u32>(args + 4) as usize,
    start = load<u32>(args + 8),
    bits = load<u32>(args + 12);
  const result = (load<u32>(args + 16) as usize) + 4 * (part as usize),
    s = (load<u32>(args + 20) as usize) + 640 * (part as usize);
  const mask: u32 = (1 << bits) - 1;
  setKey(s, key);
  for (let i: usize = 0; i < 8; i++) v128.store(s + MESSAGE + 16 * i, v128.load32_splat(state + 4 * i));
  for (let i: usize = 9; i < 16; i++) v128.store(s + MESSAGE + 16 * i, i32x4.splat(0));
  for (let group = begin; group < end; group++) {
    const nonce = start + 4 * group;
    if (nonce > load<u32>(result)) return;
    v128.store(s + MESSAGE + 128, i32x4.add(i32x4.splat(nonce), i32x4(0, 1, 2, 3)));
    compress(s, i32x4.splat(0), 40, DERIVE_KEY_MATERIAL | CHUNK_START | CHUNK_END | ROOT);
    for (let lane: u32 = 0; lane < 4; lane++) {
      if ((load<u32>(s + 4 * (lane as usize)) & mask) == 0) {
        if (nonce + lane < load<u32>(result)) store<u32>(result, nonce + lane);
        break;
      }
    }
  }
}
