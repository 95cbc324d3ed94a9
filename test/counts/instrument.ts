/**
 * Puts counters into a WebAssembly module: before every instruction of some opcodes a global is increased. What is counted is what is
 * executed, whatever the source says. Source: the WebAssembly core specification, 5 (binary format), with SIMD and threads.
 */

/** A counter: the exported i64 global of that name grows by `weight` before each instruction with that opcode. */
export interface Counter {
  readonly name: string;
  /** Weight by opcode; those of SIMD instructions are 0xfd00 + number. */
  readonly weights: ReadonlyMap<number, bigint>;
}

const SIMD = 0xfd;
export const simd = (number: number): number => (SIMD << 8) + number;

const SECTION = { global: 6, export: 7, code: 10 } as const;

class Reader {
  readonly bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get atEnd(): boolean {
    return this.at >= this.bytes.length;
  }

  u8(): number {
    return this.bytes[this.at++]!;
  }

  /** An unsigned LEB128 number. */
  u32(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.u8();
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  }

  /** Skips a LEB128 number of any length. */
  skipNumber(): void {
    while (this.u8() >= 128);
  }

  take(length: number): Uint8Array {
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
}

function leb(value: number): number[] {
  const out: number[] = [];
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return [...out, left];
    out.push((left % 128) + 128);
  }
}

/** Signed LEB128. */
function signedLeb(value: bigint): number[] {
  const out: number[] = [];
  for (let left = value; ; left >>= 7n) {
    const low = Number(left & 127n);
    const rest = left >> 7n;
    if ((rest === 0n && low < 64) || (rest === -1n && low >= 64)) return [...out, low];
    out.push(low + 128);
  }
}

/** Skips the immediates of an instruction. Throws for opcodes that our compiler does not emit. */
function skipImmediates(code: Reader, opcode: number): void {
  const numbers = (count: number): void => {
    for (let n = 0; n < count; n++) code.skipNumber();
  };
  if (opcode === 0xfc) {
    const number = code.u32();
    // saturating truncations have none; memory.copy and table.copy have two, memory.fill one
    numbers(number < 8 ? 0 : [8, 10, 12, 14].includes(number) ? 2 : 1);
  } else if (opcode === 0xfe) {
    const number = code.u32();
    numbers(number === 3 ? 1 : 2); // atomic.fence; else alignment and offset
  } else if (opcode >= 0x02 && opcode <= 0x04) {
    numbers(1); // block type
  } else if (opcode === 0x0e) {
    numbers(code.u32() + 1); // br_table
  } else if (opcode === 0x11) {
    numbers(2); // call_indirect
  } else if (opcode === 0x0c || opcode === 0x0d || opcode === 0x10 || (opcode >= 0x20 && opcode <= 0x26)) {
    numbers(1); // branches, calls, locals, globals, tables
  } else if (opcode >= 0x28 && opcode <= 0x3e) {
    numbers(2); // loads and stores
  } else if (opcode === 0x3f || opcode === 0x40 || opcode === 0x41 || opcode === 0x42) {
    numbers(1); // memory size and growth, constants
  } else if (opcode === 0x43) {
    code.take(4);
  } else if (opcode === 0x44) {
    code.take(8);
  } else if (opcode === 0x1c) {
    numbers(code.u32()); // typed select
  } else if (!(opcode <= 0x1b || (opcode >= 0x45 && opcode <= 0xc4))) {
    throw new Error(`unknown opcode 0x${opcode.toString(16)} at byte ${code.at}`);
  }
}

function skipSimdImmediates(code: Reader, number: number): void {
  if (number <= 11 || number === 92 || number === 93) {
    code.skipNumber();
    code.skipNumber(); // loads and stores
  } else if (number === 12 || number === 13) {
    code.take(16); // constant, shuffle
  } else if (number >= 21 && number <= 34) {
    code.take(1); // lane
  } else if (number >= 84 && number <= 91) {
    code.skipNumber();
    code.skipNumber();
    code.take(1); // load or store of a lane
  }
}

/** A function's body with the counters in it. */
function withCounters(body: Uint8Array, counters: readonly Counter[], firstGlobal: number): number[] {
  const code = new Reader(body);
  for (let groups = code.u32(); groups > 0; groups--) {
    code.skipNumber();
    code.skipNumber(); // local declarations: a count and a type
  }
  const pieces: number[][] = [[...body.subarray(0, code.at)]];
  while (!code.atEnd) {
    const start = code.at;
    let opcode = code.u8();
    if (opcode === SIMD) {
      const number = code.u32();
      skipSimdImmediates(code, number);
      opcode = simd(number);
    } else {
      skipImmediates(code, opcode);
    }
    counters.forEach(({ weights }, n) => {
      const weight = weights.get(opcode);
      if (weight === undefined) return;
      const global = leb(firstGlobal + n);
      // global.get, i64.const, i64.add, global.set
      pieces.push([0x23, ...global, 0x42, ...signedLeb(weight), 0x7c, 0x24, ...global]);
    });
    pieces.push([...body.subarray(start, code.at)]);
  }
  return pieces.flat();
}

/** The module with counters. They belong to an instance, so it counts for one thread. */
export function instrumented(module: Uint8Array, counters: readonly Counter[]): Uint8Array<ArrayBuffer> {
  const reader = new Reader(module);
  const pieces: number[][] = [[...reader.take(8)]];
  let globals = 0;
  let wroteGlobals = false;
  const section = (id: number, content: readonly number[]): void => void pieces.push([id, ...leb(content.length), ...content]);
  const added = counters.flatMap(() => [0x7e, 1, 0x42, 0, 0x0b]); // mutable i64, 0
  const addGlobals = (): void => {
    if (!wroteGlobals) section(SECTION.global, [...leb(counters.length), ...added]);
    wroteGlobals = true;
  };
  while (!reader.atEnd) {
    const id = reader.u8();
    const content = reader.take(reader.u32());
    if (id >= SECTION.export) addGlobals();
    const own = new Reader(content);
    if (id === SECTION.global) {
      globals = own.u32();
      section(id, [...leb(globals + counters.length), ...content.subarray(own.at), ...added]);
      wroteGlobals = true;
    } else if (id === SECTION.export) {
      const count = own.u32();
      const exports = counters.flatMap(({ name }, n) => {
        const text = new TextEncoder().encode(name);
        return [...leb(text.length), ...text, 3, ...leb(globals + n)];
      });
      section(id, [...leb(count + counters.length), ...content.subarray(own.at), ...exports]);
    } else if (id === SECTION.code) {
      const count = own.u32();
      const bodies: number[] = [...leb(count)];
      for (let n = 0; n < count; n++) {
        const body = withCounters(own.take(own.u32()), counters, globals);
        for (const byte of leb(body.length)) bodies.push(byte);
        for (const byte of body) bodies.push(byte);
      }
      section(id, bodies);
    } else {
      section(id, [...content]);
    }
  }
  return Uint8Array.from(pieces.flat());
}
