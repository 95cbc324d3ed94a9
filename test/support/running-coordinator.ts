/** The product's coordinator, whole, on a port and a data folder of its own: what `veritab serve` runs. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../server/config/config.ts';
import { startCoordinator } from '../../server/serve.ts';

export interface CoordinatorUnderTest {
  readonly url: string;
  close(): Promise<void>;
}

/** Starts it with an embedded database and the built-in model. @param web the folder of built pages */
export async function startRunningCoordinator(web: string): Promise<CoordinatorUnderTest> {
  const data = await mkdtemp(join(tmpdir(), 'coordinator-'));
  const flags = { port: '0', data, web, 'benchmark-share': '0' };
  const config = await loadConfig({ file: null, environment: {}, flags });
  const silent = () => undefined;
  const coordinator = await startCoordinator(config, {
    log: { debug: silent, info: silent, warn: silent, error: silent },
    version: 'test',
  });
  return {
    url: coordinator.origin,
    async close() {
      await coordinator.drain();
      await rm(data, { recursive: true, force: true });
    },
  };
}
