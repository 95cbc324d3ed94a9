// BLAKE3 in derive-key mode, four messages in four lanes. One message alone fills all four lanes with the same block. Source: the BLAKE3 paper, section 2.
//
// Scratch of a compression: 16 state vectors, 16 message vectors, 8 chaining vectors (640 bytes).

export const CHUNK_START: u32 = 1;
export const CHUNK_END: u32 = 2;
const PARENT: u32 = 4;
export const ROOT: u32 = 8;
const DERIVE_KEY_CONTEXT: u32 = 32;
export const DERIVE_KEY_MATERIAL: u32 = 64;

const MESSAGE: usize = 256;
const CHAINING: usize = 512;

// @ts-ignore: decorator
@inline
export function iv(i: u32): u32 {
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
export function rotate16(x: v128): v128 {
  return v128.shuffle<u8>(x, x, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
}
// @ts-ignore: decorator
@inline
export function rotate12(x: v128): v128 {
  return v128.or(i32x4.shr_u(x, 12), i32x4.shl(x, 20));
}
// @ts-ignore: decorator
@inline
export function rotate8(x: v128): v128 {
  return v128.shuffle<u8>(x, x, 1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12);
}
// @ts-ignore: decorator
@inline
export function rotate7(x: v128): v128 {
  return v128.or(i32x4.shr_u(x, 7), i32x4.shl(x, 25));
}

/** Byte offsets of the message vectors, in the order in which each of the seven rounds takes them. */
export const ORDER: usize = memory.data<u8>([
  0, 16, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240, 32, 96, 48, 160, 112, 0, 64, 208, 16, 176, 192, 80, 144, 224, 240,
  128, 48, 64, 160, 192, 208, 32, 112, 224, 96, 80, 144, 0, 176, 240, 128, 16, 160, 112, 192, 144, 224, 48, 208, 240, 64, 0, 176, 32, 80,
  128, 16, 96, 192, 208, 144, 176, 240, 160, 224, 128, 112, 32, 80, 48, 0, 16, 96, 64, 144, 224, 176, 80, 128, 192, 240, 16, 208, 48, 0,
  160, 32, 96, 64, 112, 176, 240, 80, 0, 16, 144, 128, 96, 224, 160, 32, 192, 48, 64, 112, 208,
]);

// Message vector number k of a round.
// @ts-ignore: decorator
@inline
function message(block: usize, order: usize, k: usize): v128 {
  return v128.load(block + (load<u8>(order + k) as usize));
}

/**
 * Compresses four blocks: 16 message vectors at `block`, 8 chaining vectors at `chaining`, counter (low word), block length and flags the same for all lanes unless `counters` differs by lane.
 * Leaves the 16 output vectors at s.
 */
function compress(s: usize, block: usize, chaining: usize, counters: v128, length: u32, flags: u32): void {
  let v0 = v128.load(chaining),
    v1 = v128.load(chaining, 16),
    v2 = v128.load(chaining, 32),
    v3 = v128.load(chaining, 48),
    v4 = v128.load(chaining, 64),
    v5 = v128.load(chaining, 80),
    v6 = v128.load(chaining, 96),
    v7 = v128.load(chaining, 112),
    v8 = i32x4.splat(iv(0)),
    v9 = i32x4.splat(iv(1)),
    v10 = i32x4.splat(iv(2)),
    v11 = i32x4.splat(iv(3)),
    v12 = counters,
    v13 = i32x4.splat(0),
    v14 = i32x4.splat(length),
    v15 = i32x4.splat(flags);
  // the state stays in registers, or where the engine spills it; four quarter rounds in step, columns then diagonals
  for (let order = ORDER; order < ORDER + 112; order += 16) {
    v0 = i32x4.add(i32x4.add(v0, v4), message(block, order, 0));
    v1 = i32x4.add(i32x4.add(v1, v5), message(block, order, 2));
    v2 = i32x4.add(i32x4.add(v2, v6), message(block, order, 4));
    v3 = i32x4.add(i32x4.add(v3, v7), message(block, order, 6));
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
    v0 = i32x4.add(i32x4.add(v0, v4), message(block, order, 1));
    v1 = i32x4.add(i32x4.add(v1, v5), message(block, order, 3));
    v2 = i32x4.add(i32x4.add(v2, v6), message(block, order, 5));
    v3 = i32x4.add(i32x4.add(v3, v7), message(block, order, 7));
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
    v0 = i32x4.add(i32x4.add(v0, v5), message(block, order, 8));
    v1 = i32x4.add(i32x4.add(v1, v6), message(block, order, 10));
    v2 = i32x4.add(i32x4.add(v2, v7), message(block, order, 12));
    v3 = i32x4.add(i32x4.add(v3, v4), message(block, order, 14));
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
    v0 = i32x4.add(i32x4.add(v0, v5), message(block, order, 9));
    v1 = i32x4.add(i32x4.add(v1, v6), message(block, order, 11));
    v2 = i32x4.add(i32x4.add(v2, v7), message(block, order, 13));
    v3 = i32x4.add(i32x4.add(v3, v4), message(block, order, 15));
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
  v128.store(s, v128.xor(v0, v8));
  v128.store(s, v128.xor(v1, v9), 16);
  v128.store(s, v128.xor(v2, v10), 32);
  v128.store(s, v128.xor(v3, v11), 48);
  v128.store(s, v128.xor(v4, v12), 64);
  v128.store(s, v128.xor(v5, v13), 80);
  v128.store(s, v128.xor(v6, v14), 96);
  v128.store(s, v128.xor(v7, v15), 112);
  v128.store(s, v128.xor(v8, v128.load(chaining)), 128);
  v128.store(s, v128.xor(v9, v128.load(chaining, 16)), 144);
  v128.store(s, v128.xor(v10, v128.load(chaining, 32)), 160);
  v128.store(s, v128.xor(v11, v128.load(chaining, 48)), 176);
  v128.store(s, v128.xor(v12, v128.load(chaining, 64)), 192);
  v128.store(s, v128.xor(v13, v128.load(chaining, 80)), 208);
  v128.store(s, v128.xor(v14, v128.load(chaining, 96)), 224);
  v128.store(s, v128.xor(v15, v128.load(chaining, 112)), 240);
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
      compress(s, s + MESSAGE, s + CHAINING, i32x4.splat(counter), size, mode | start | CHUNK_END | last);
      return;
    }
    compress(s, s + MESSAGE, s + CHAINING, i32x4.splat(counter), 64, mode | start);
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
    compress(s, s + MESSAGE, s + CHAINING, counters, 64, mode | (block == 0 ? CHUNK_START : 0) | (block == 15 ? CHUNK_END : 0));
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
      compress(s, s + MESSAGE, s + CHAINING, i32x4.splat(0), 64, DERIVE_KEY_MATERIAL | PARENT);
      storeDigest(s, chaining + 32 * (i as usize));
    }
    if (chunks & 1) memory.copy(chaining + 32 * (pairs as usize), chaining + 32 * ((chunks - 1) as usize), 32);
    chunks = pairs + (chunks & 1);
  }
  setKey(s, key);
  setBlock(s, chaining, 64);
  const flags = DERIVE_KEY_MATERIAL | PARENT | ROOT;
  compress(s, s + MESSAGE, s + CHAINING, i32x4.splat(0), 64, flags);
  outputBlocks(s, 64, flags, out, outLength);
}

// The root's state stands at s (counter 0), its block and chaining value too: the output in blocks of 64 bytes.
function outputBlocks(s: usize, size: u32, flags: u32, out: usize, outLength: u32): void {
  for (let i: usize = 0; i < 16; i++) store<u32>(out + 4 * i, load<u32>(s + 16 * i));
  for (let block: u32 = 1; ((64 * block) as u32) < outLength; block++) {
    compress(s, s + MESSAGE, s + CHAINING, i32x4.splat(block), size, flags);
    for (let i: usize = 0; i < 16; i++) store<u32>(out + 64 * (block as usize) + 4 * i, load<u32>(s + 16 * i));
  }
}

/** Scratch of `hashColumns`: a compression's, and for four groups of four columns the message and chaining vectors. */
const GROUP: usize = 384;

/**
 * Job. Leaves of a matrix of u32 with n columns, a multiple of 16: leaf j = H_key(column j), at most 256 rows; items are groups of sixteen columns, so that a row is read by whole cache lines. args: matrix,
 * rows, columns, key, leaves, scratch (2176 bytes a part). One compression per 16 rows and four columns.
 */
export function hashColumns(args: usize, part: u32, begin: u32, end: u32): void {
  const matrix = load<u32>(args) as usize,
    rows = load<u32>(args + 4),
    columns = load<u32>(args + 8) as usize,
    key = load<u32>(args + 12) as usize,
    leaves = load<u32>(args + 16) as usize;
  const s = (load<u32>(args + 20) as usize) + 2176 * (part as usize);
  const groups = s + 640;
  const zero = i32x4.splat(0);
  setKey(s, key);
  for (let item = begin; item < end; item++) {
    let from = matrix + 64 * (item as usize);
    for (let row: u32 = 0; row < rows; row += 16) {
      const size: u32 = min<u32>(16, rows - row);
      for (let i: usize = 0; i < 256; i += 16) {
        for (let g: usize = 0; g < 4; g++) v128.store(groups + GROUP * g + i, i < 16 * (size as usize) ? v128.load(from + 16 * g) : zero);
        from += 4 * columns;
      }
      const last = row + 16 >= rows;
      const flags = DERIVE_KEY_MATERIAL | (row == 0 ? CHUNK_START : 0) | (last ? CHUNK_END | ROOT : 0);
      for (let g: usize = 0; g < 4; g++) {
        const own = groups + GROUP * g;
        compress(s, own, row == 0 ? s + CHAINING : own + 256, zero, 4 * size, flags);
        if (last) storeFour(s, leaves + 512 * (item as usize) + 128 * g);
        else for (let i: usize = 0; i < 128; i += 16) v128.store(own + 256 + i, v128.load(s + i));
      }
    }
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
    compress(s, s + MESSAGE, s + CHAINING, i32x4.splat(0), 64, DERIVE_KEY_MATERIAL | CHUNK_START | CHUNK_END | ROOT);
    storeFour(s, nodes + 128 * (group as usize));
  }
}
