/** Little-endian writing and strict reading of canonical encodings. */
import { CircuitRefusal } from './refusal.ts';

export class ByteWriter {
  private buffer = new Uint8Array(1024);
  private length = 0;

  private room(size: number): number {
    const at = this.length;
    if (at + size > this.buffer.length) {
      const larger = new Uint8Array(Math.max(2 * this.buffer.length, at + size));
      larger.set(this.buffer);
      this.buffer = larger;
    }
    this.length += size;
    return at;
  }

  private view(): DataView {
    return new DataView(this.buffer.buffer);
  }

  u8(value: number): void {
    const at = this.room(1);
    this.buffer[at] = value;
  }

  u32(value: number): void {
    const at = this.room(4);
    this.view().setUint32(at, value, true);
  }

  i32(value: number): void {
    const at = this.room(4);
    this.view().setInt32(at, value, true);
  }

  /** An integer below 2^53. */
  u64(value: number): void {
    const at = this.room(8);
    this.view().setBigUint64(at, BigInt(value), true);
  }

  f64(value: number): void {
    const at = this.room(8);
    this.view().setFloat64(at, value, true);
  }

  bytes(value: Uint8Array): void {
    const at = this.room(value.length);
    this.buffer.set(value, at);
  }

  /** u8 length, UTF-8. */
  text(value: string): void {
    const bytes = new TextEncoder().encode(value);
    if (bytes.length > 255)
      throw new CircuitRefusal('', 'encoding', `a text of ${bytes.length} bytes, where at most 255 are allowed: ${value.slice(0, 40)}...`);
    this.u8(bytes.length);
    this.bytes(bytes);
  }

  list<T>(values: Iterable<T> & { readonly length: number }, write: (value: T) => void): void {
    this.u32(values.length);
    for (const value of values) write(value);
  }

  done(): Uint8Array {
    return this.buffer.slice(0, this.length);
  }
}

/** Reads what `ByteWriter` wrote; throws `CircuitRefusal` (rule 'encoding') where bytes are missing. */
export class ByteReader {
  private readonly data: Uint8Array;
  private readonly view: DataView;
  private position = 0;

  constructor(data: Uint8Array) {
    this.data = data;
    this.view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  }

  get left(): number {
    return this.data.length - this.position;
  }

  private take(size: number): number {
    if (this.left < size)
      throw new CircuitRefusal('', 'encoding', `the data end at byte ${this.data.length}, where ${size} more were expected`);
    const at = this.position;
    this.position += size;
    return at;
  }

  u8(): number {
    return this.data[this.take(1)]!;
  }

  u32(): number {
    return this.view.getUint32(this.take(4), true);
  }

  i32(): number {
    return this.view.getInt32(this.take(4), true);
  }

  u64(): number {
    const value = this.view.getBigUint64(this.take(8), true);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new CircuitRefusal('', 'encoding', 'a number of 2^53 or more');
    return Number(value);
  }

  f64(): number {
    return this.view.getFloat64(this.take(8), true);
  }

  bytes(length: number): Uint8Array {
    const at = this.take(length);
    return this.data.slice(at, at + length);
  }

  text(): string {
    const bytes = this.bytes(this.u8());
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw new CircuitRefusal('', 'encoding', 'a text is not UTF-8');
    }
  }

  /** The count of a list whose items take at least `itemBytes` each: refused before anything is allocated if the data cannot hold it. */
  count(itemBytes: number): number {
    const count = this.u32();
    if (count * itemBytes > this.left)
      throw new CircuitRefusal('', 'encoding', `a list of ${count} items does not fit the ${this.left} bytes that are left`);
    return count;
  }

  /** A list of at most `most` items of at least `itemBytes` each. */
  list<T>(itemBytes: number, read: () => T, most = Infinity): T[] {
    const count = this.count(itemBytes);
    if (count > most) throw new CircuitRefusal('', 'encoding', `a list of ${count} items, where at most ${most} are allowed`);
    return Array.from({ length: count }, read);
  }

  integers(): Int32Array {
    return Int32Array.from({ length: this.count(4) }, () => this.i32());
  }

  end(): void {
    if (this.left) throw new CircuitRefusal('', 'encoding', `${this.left} bytes follow the end`);
  }
}
