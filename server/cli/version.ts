/** Which version this is. */
import { readFileSync } from 'node:fs';

/** The version of the package, which lies above the sources and above what is built from them. */
export function version(): string {
  for (const path of ['../../package.json', '../../../../package.json']) {
    try {
      return (JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as { version: string }).version;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    }
  }
  throw new Error('package.json is missing');
}
