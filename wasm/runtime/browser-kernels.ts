/** The kernel module, compiled while it is fetched. Rejects if it is not there, or not served as application/wasm. */
export async function loadKernels(): Promise<WebAssembly.Module> {
  return WebAssembly.compileStreaming(fetch(new URL('../kernels/build/kernels.wasm', import.meta.url)));
}
