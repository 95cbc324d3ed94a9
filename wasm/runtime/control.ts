/** The reserved start of the kernels' memory, which is common to all threads. Its words are explained in kernels/threads.ts. */

/** Addresses: below 32 KiB is left to constants of the module; control block; a helper's last words; arguments of jobs; the arena. */
export const CONTROL = 32768;
const MESSAGE = 36864;
const MESSAGE_BYTES = 1024;
export const ARGUMENTS = 40960;
export const ARENA = 65536;

const PENDING = CONTROL + 256;
const FAILED = 1 << 31;

/** Says, for a helper that trapped, why; and wakes the driver, whose job will never be complete. The first of several is kept. */
export function reportFailure(memory: WebAssembly.Memory, message: string): void {
  const text = new TextEncoder().encode(message).subarray(0, MESSAGE_BYTES - 4);
  const length = new Int32Array(memory.buffer, MESSAGE, 1);
  if (Atomics.compareExchange(length, 0, 0, text.length) === 0) new Uint8Array(memory.buffer, MESSAGE + 4, text.length).set(text);
  const pending = new Int32Array(memory.buffer, PENDING, 1);
  Atomics.or(pending, 0, FAILED);
  Atomics.notify(pending, 0);
}

/** Why a helper trapped. */
export function failureOf(memory: WebAssembly.Memory): string {
  const length = Atomics.load(new Int32Array(memory.buffer, MESSAGE, 1), 0);
  // A copy: a TextDecoder does not read shared memory.
  return new TextDecoder().decode(new Uint8Array(memory.buffer, MESSAGE + 4, length).slice());
}
