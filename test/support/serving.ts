/** A whole coordinator in a test: embedded database, built-in model, real sockets, in a folder of its own. */
import { OPTIONS, type Config } from '../../server/config/schema.ts';
import type { Log } from '../../server/dispatch/observer.ts';
import { startCoordinator, type RunningCoordinator } from '../../server/serve.ts';
import { temporaryFolder } from './cli.ts';
import { kernelModule } from './kernels.ts';

export interface TestCoordinator extends RunningCoordinator {
  /** Messages that it logged, by level. */
  readonly logged: { readonly level: keyof Log; readonly message: string; readonly fields: object }[];
  /** Ends it, if it has not been drained, and removes its folder. */
  stop(): Promise<void>;
}

/** The defaults, on a free port, without benchmarks that nobody asked for. */
export function testConfig(change: Partial<Config> & Pick<Config, 'data'>): Config {
  const defaults = Object.fromEntries(OPTIONS.map((option) => [option.name, option.default])) as unknown as Config;
  return { ...defaults, port: 0, verifiers: 1, benchmarkShare: 0, ...change };
}

export async function serveInTest(change: Partial<Config> = {}): Promise<TestCoordinator> {
  await kernelModule();
  const folder = temporaryFolder();
  const logged: { level: keyof Log; message: string; fields: object }[] = [];
  const at = (level: keyof Log) => (fields: object, message: string) => void logged.push({ level, message, fields });
  const log: Log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  const running = await startCoordinator(testConfig({ data: folder.path, ...change }), { log, version: '0.0.0-test' });
  let ended: Promise<void> | null = null;
  const drain = (): Promise<void> => (ended ??= running.drain());
  return {
    ...running,
    logged,
    drain,
    async stop() {
      await drain();
      folder.remove();
    },
  };
}
