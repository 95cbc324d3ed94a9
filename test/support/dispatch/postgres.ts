/** A PostgreSQL server of a test's own: Debian's, in a temporary folder, on a port of the loopback. */
import { execFile, spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { chmod, chown, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const INSTALL = 'apt-get update && apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=300 postgresql';
const PACKAGES = '/usr/lib/postgresql';

/** Folder of PostgreSQL's programs: `$POSTGRES_BIN`, or the newest of Debian's. Null where there is none. */
function findPrograms(): string | null {
  const { POSTGRES_BIN } = process.env;
  if (POSTGRES_BIN !== undefined && POSTGRES_BIN !== '') return POSTGRES_BIN;
  if (!existsSync(PACKAGES)) return null;
  const versions = readdirSync(PACKAGES).sort((a, b) => Number(b) - Number(a));
  return versions.map((version) => join(PACKAGES, version, 'bin')).find((folder) => existsSync(join(folder, 'postgres'))) ?? null;
}

/**
 * PostgreSQL's programs; where there are none, root on a Debian system installs them. Null where that cannot be, except under CI.
 * @throws under CI where there is no PostgreSQL; the message has the command to type
 */
export function findPostgres(): string | null {
  const found = findPrograms();
  if (found !== null) return found;
  if (process.getuid?.() === 0 && existsSync('/etc/debian_version')) {
    console.error(`no PostgreSQL found; running: ${INSTALL}`);
    spawnSync('sh', ['-c', INSTALL], {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
    const installed = findPrograms();
    if (installed !== null) return installed;
  }
  const message = `tests on a server need PostgreSQL: set $POSTGRES_BIN to the folder of its programs, or run: sudo sh -c '${INSTALL}'`;
  if (process.env.CI !== undefined && process.env.CI !== '') throw new Error(message);
  console.error(`not run: ${message}`);
  return null;
}

export interface PostgresServer {
  /** Of a new, empty database. */
  database(): Promise<string>;
  /** Ends all connections, as an administrator would. */
  disconnect(): Promise<void>;
  /** Kills the server, without giving it time to write anything. */
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a server. PostgreSQL refuses to run as root: then it runs as the user postgres. */
export async function startPostgres(programs: string): Promise<PostgresServer> {
  const folder = await mkdtemp(join(tmpdir(), 'veritab-postgres-'));
  const data = join(folder, 'data');
  const identity = process.getuid?.() === 0 ? await userOf('postgres') : null;
  if (identity !== null) await chown(folder, identity.uid, identity.gid);
  await chmod(folder, 0o755);
  const as = identity ?? {};
  await run(join(programs, 'initdb'), ['-D', data, '-U', 'veritab', '--auth=trust', '--no-sync', '-E', 'UTF8', '--locale=C'], {
    ...as,
    cwd: folder,
  });
  const port = await freePort();
  const psql = (statement: string) =>
    run(join(programs, 'psql'), [
      '-h',
      '127.0.0.1',
      '-p',
      String(port),
      '-U',
      'veritab',
      '-d',
      'postgres',
      '-v',
      'ON_ERROR_STOP=1',
      '-qc',
      statement,
    ]);
  let server: ReturnType<typeof spawn> | null = null;
  let databases = 0;

  async function start(): Promise<void> {
    const settings = ['fsync=off', `listen_addresses=127.0.0.1`, `port=${port}`, `unix_socket_directories=${folder}`, 'max_connections=60'];
    const started = spawn(join(programs, 'postgres'), ['-D', data, ...settings.flatMap((setting) => ['-c', setting])], {
      ...as,
      cwd: folder,
      stdio: 'ignore',
    });
    server = started;
    for (;;) {
      if (started.exitCode !== null) throw new Error(`postgres ended with exit code ${started.exitCode}`);
      try {
        await psql('select 1');
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (server?.exitCode !== null || server.signalCode !== null) return;
    const own = server;
    const ended = new Promise((resolve) => own.once('exit', resolve));
    own.kill(signal);
    await ended;
  }

  await start();
  return {
    async database() {
      const name = `test${databases++}`;
      await psql(`create database ${name}`);
      return `postgres://veritab@127.0.0.1:${port}/${name}`;
    },
    disconnect: async () => {
      await psql('select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname is not null');
    },
    kill: () => end('SIGQUIT'),
    start,
    async stop() {
      await end('SIGINT');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function userOf(name: string): Promise<{ uid: number; gid: number }> {
  const [uid, gid] = await Promise.all(['-u', '-g'].map(async (flag) => Number((await run('id', [flag, name])).stdout)));
  return { uid: uid!, gid: gid! };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
