/** What the kernels need of a browser: 128-bit vectors (SIMD) in WebAssembly, and a memory that can grow. A browser without them gets a message, not a page that fails later. */

/** A module that adds vectors: valid where there is SIMD. (module; type () -> v128; one function: i32.const 0, i8x16.splat, i8x16.popcnt) */
const VECTOR_MODULE = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0],
  ...[1, 5, 1, 96, 0, 1, 123],
  ...[3, 2, 1, 0],
  ...[10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11],
);

/** The least that the kernels ask for (they try more before), in pages of 64 KiB: address space, most of which is never used. */
const LEAST_PAGES = 4096;

/** What this browser lacks; null where it has everything. */
export function missingFeature(): 'simd' | 'memory' | null {
  if (!WebAssembly.validate(VECTOR_MODULE)) return 'simd';
  try {
    return new WebAssembly.Memory({ initial: 1, maximum: LEAST_PAGES, shared: true }).buffer.byteLength > 0 ? null : 'memory';
  } catch {
    return 'memory';
  }
}

const WORDS = {
  simd: {
    what: 'This browser has no SIMD in WebAssembly, which checking and making proofs needs.',
    todo: 'Chrome and Edge 91, Firefox 89, Safari 16.4 and everything newer have it. A bundle that you download here can be checked on another machine.',
  },
  memory: {
    what: `This browser gives the page less than ${LEAST_PAGES / 16} MiB of memory for checking proofs.`,
    todo: 'Close other tabs and reload, or open the page on a machine with more memory.',
  },
} as const;

/** The message for a browser that cannot, or null for one that can. */
export function unsupported() {
  const missing = missingFeature();
  if (missing === null) return null;
  return (
    <>
      <p>{WORDS[missing].what}</p>
      <p>{WORDS[missing].todo}</p>
    </>
  );
}
