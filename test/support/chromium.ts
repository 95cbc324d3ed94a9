import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const INSTALL = ['apt-get update', 'apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=300 chromium'];

/**
 * Path of a Chromium for browser tests: `$CHROMIUM`, /usr/bin/chromium, or google-chrome on the PATH. Where there is none, root on a Debian
 * system installs Debian's package.
 * @throws if there is no browser and it cannot be installed; the message has the command to type
 * @example await chromium.launch({ executablePath: findChromium(), args: chromiumArguments() })
 */
export function findChromium(): string {
  const { CHROMIUM } = process.env;
  if (CHROMIUM !== undefined && CHROMIUM !== '') {
    if (!isExecutable(CHROMIUM)) throw new Error(`$CHROMIUM is ${CHROMIUM}, which is not an executable file`);
    return CHROMIUM;
  }
  const found = installedChromium();
  if (found !== null) return found;

  const command = INSTALL.join(' && ');
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) {
    throw new Error(`browser tests need Chromium: set $CHROMIUM to its path, or run: sudo sh -c '${command}'`);
  }
  console.error(`no Chromium found; running: ${command}`);
  const { status } = spawnSync('sh', ['-c', command], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  const installed = installedChromium();
  if (status !== 0 || installed === null)
    throw new Error(`browser tests need Chromium, and this command failed (${String(status)}): ${command}`);
  return installed;
}

/** Command line switches that a headless Chromium needs here: root may not use its sandbox, /dev/shm is small in containers. */
export function chromiumArguments(): string[] {
  return ['--disable-dev-shm-usage', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])];
}

function installedChromium(): string | null {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const candidates = [
    '/usr/bin/chromium',
    ...['google-chrome', 'google-chrome-stable'].flatMap((name) => folders.map((folder) => join(folder, name))),
  ];
  return candidates.find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
