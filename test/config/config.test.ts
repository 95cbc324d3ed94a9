import { writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from '../../server/config/config.ts';
import { addressesOf, OPTIONS } from '../../server/config/schema.ts';
import { runCli, temporaryFolder } from '../support/cli.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

function file(name: string, content: unknown): string {
  writeFileSync(folder.file(name), typeof content === 'string' ? content : JSON.stringify(content));
  return folder.file(name);
}

const none = { file: null, environment: {}, flags: {} };

async function refusal(sources: Partial<Parameters<typeof loadConfig>[0]>): Promise<ConfigError> {
  const thrown: unknown = await loadConfig({ ...none, ...sources }).catch((error: unknown) => error);
  if (!(thrown instanceof ConfigError)) throw new Error(`expected a ConfigError, got ${JSON.stringify(thrown)}`);
  return thrown;
}

describe('the configuration', () => {
  it('has a default for everything', async () => {
    const config = await loadConfig(none);
    expect(config).toMatchObject({
      host: '127.0.0.1',
      port: 8420,
      data: './.veritab',
      databaseUrl: null,
      blobs: 'disk',
      corsOrigins: ['*'],
    });
    expect(Object.keys(config)).toEqual(OPTIONS.map(({ name }) => name));
  });

  it('takes flags before the environment, the environment before the file, the file before defaults', async () => {
    const path = file('order.json', { port: 1, host: 'file', verifiers: 3, maxMiners: 7 });
    const config = await loadConfig({
      file: path,
      environment: { VERITAB_PORT: '2', VERITAB_HOST: 'environment', VERITAB_MAX_REQUESTS: '11' },
      flags: { port: '5' },
    });
    expect(config).toMatchObject({ port: 5, host: 'environment', verifiers: 3, maxMiners: 7, maxRequests: 11, logLevel: 'info' });
  });

  it('reads every option from each source', async () => {
    const texts: Record<string, string> = {
      host: '::1',
      origin: 'https://example.org',
      databaseUrl: 'postgres://localhost/veritab',
      blobs: 'postgres',
      tlsCert: 'a.pem',
      tlsKey: 'b.pem',
      trustedProxies: '10.0.0.0/8, ::1',
      corsOrigins: 'https://example.org,http://localhost:5173',
      digits: 'false',
      benchmarkShare: '0.25',
      logLevel: 'debug',
    };
    const text = (name: string, kind: string): string => texts[name] ?? (kind === 'number' ? '2097152' : 'folder');
    const small = ['port', 'verifiers'];
    const values = OPTIONS.map((option) => [option, small.includes(option.name) ? '21' : text(option.name, option.kind)] as const);
    const capped = values.map(([option, value]) => {
      const most = {
        maxRequests: '5',
        maxRequestsPerAddress: '5',
        maxMiners: '5',
        maxMinersPerAddress: '5',
        modelsPerPublisher: '5',
        verifierBytes: '134217728',
        drainSeconds: '5',
      };
      return [option, (most as Record<string, string>)[option.name] ?? value] as const;
    });
    const byFlag = await loadConfig({ ...none, flags: Object.fromEntries(capped.map(([{ flag }, value]) => [flag, value])) });
    const byVariable = await loadConfig({
      ...none,
      environment: Object.fromEntries(capped.map(([{ variable }, value]) => [variable, value])),
    });
    expect(byVariable).toEqual(byFlag);
    expect(await loadConfig({ ...none, file: file('all.json', byFlag) })).toEqual(byFlag);
    expect(byFlag).toMatchObject({ digits: false, benchmarkShare: 0.25, trustedProxies: ['10.0.0.0/8', '::1'], verifiers: 21 });
    for (const option of OPTIONS) expect(byFlag[option.name], option.name).not.toEqual(option.default);
  });

  it('takes the database from DATABASE_URL unless it is told otherwise', async () => {
    const environment = { DATABASE_URL: 'postgres://a/b' };
    expect((await loadConfig({ ...none, environment })).databaseUrl).toBe('postgres://a/b');
    const both = { ...environment, VERITAB_DATABASE_URL: 'postgresql://c/d' };
    expect((await loadConfig({ ...none, environment: both })).databaseUrl).toBe('postgresql://c/d');
  });

  it.each([
    [{ flags: { port: 'many' } }, '--port', 'a number', '"many"'],
    [{ flags: { port: '65536' } }, '--port', '65535 or less', '65536'],
    [{ flags: { port: '1.5' } }, '--port', 'a whole number', '1.5'],
    [{ environment: { VERITAB_DIGITS: 'yes' } }, 'VERITAB_DIGITS', 'true or false', '"yes"'],
    [{ environment: { DATABASE_URL: 'mysql://x' } }, 'DATABASE_URL', 'a URL that begins with postgres://', '"mysql://x"'],
    [{ environment: { VERITAB_BENCHMARK_SHARE: '2' } }, 'VERITAB_BENCHMARK_SHARE', '1 or less', '2'],
    [
      { flags: { origin: 'https://example.org/path' } },
      '--origin',
      'an origin, like https://host or http://host:8420',
      '"https://example.org/path"',
    ],
    [{ flags: { 'cors-origins': '*,nonsense' } }, '--cors-origins', '* or an origin, like https://host', '"nonsense"'],
    [
      { flags: { 'trusted-proxies': '10.0.0.0/33' } },
      '--trusted-proxies',
      'an address like 127.0.0.1, or addresses like 10.0.0.0/8',
      '"10.0.0.0/33"',
    ],
    [{ flags: { 'tls-key': 'key.pem' } }, '--tls-key', '--tls-cert as well', 'one of the two'],
    [{ flags: { 'log-level': 'loud' } }, '--log-level', 'silent, error, warn, info or debug', '"loud"'],
  ])('refuses %j and names its source', async (sources, source, expected, got) => {
    expect(await refusal(sources)).toMatchObject({ source, expected, got });
  });

  it('names file and option where the file is wrong', async () => {
    const wrong = file('wrong.json', { port: '8420' });
    expect(await refusal({ file: wrong })).toMatchObject({ source: `${wrong}, port`, expected: 'a number', got: '"8420"' });
    const unknown = file('unknown.json', { prot: 1 });
    expect((await refusal({ file: unknown })).message).toBe(`${unknown}: there is no option prot`);
    const text = file('text.json', 'port = 1');
    expect((await refusal({ file: text })).message).toBe(`${text}: the file is not JSON`);
    const list = file('list.json', []);
    expect((await refusal({ file: list })).message).toBe(`${list}: the file does not hold an object`);
    const missing = folder.file('missing.json');
    expect((await refusal({ file: missing })).message).toBe(`${missing}: the file cannot be read`);
  });
});

describe('trusted networks', () => {
  it('hold the addresses that they name, and no others', () => {
    const list = addressesOf(['10.1.0.0/16', '127.0.0.1', 'fd00::/8']);
    expect(['10.1.255.255', '127.0.0.1'].every((address) => list.check(address, 'ipv4'))).toBe(true);
    expect(['10.2.0.0', '127.0.0.2'].some((address) => list.check(address, 'ipv4'))).toBe(false);
    expect([list.check('fd12::1', 'ipv6'), list.check('fe80::1', 'ipv6')]).toEqual([true, false]);
  });
});

describe('veritab serve --help', () => {
  it('says every option with its default and its variable', async () => {
    const { code, stdout } = await runCli('serve', '--help');
    expect(code).toBe(0);
    for (const { flag, variable, description, default: preset } of OPTIONS) {
      expect(stdout).toContain(`--${flag}=`);
      expect(stdout).toContain(description);
      expect(stdout).toContain(`[${variable}]`);
      if (typeof preset === 'number') expect(stdout).toContain(`(default: ${preset})`);
    }
  });

  it('refuses a wrong option before anything is started', async () => {
    const { code, stdout } = await runCli('serve', '--port', 'x', '--json');
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'config', message: '--port: expected a number', got: '"x"' } });
  });
});
