import type { Endpoint } from 'comlink';
import type { KernelPlatform } from './platform.ts';
export function serveProver(_endpoint: Endpoint, _platform: KernelPlatform): void {
  throw new Error('to be written');
}
