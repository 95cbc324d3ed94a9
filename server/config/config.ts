/** The configuration out of its sources: flags before environment, environment before file, file before defaults. */
import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { OPTIONS, type Config, type Option } from './schema.ts';

/** A value that cannot be used: where it came from, what was expected, what came. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly source: string;
  readonly expected: string;
  readonly got: string;

  constructor(source: string, message: string, expected: string, got: string) {
    super(`${source}: ${message}`);
    this.source = source;
    this.expected = expected;
    this.got = got;
  }
}

export interface ConfigSources {
  /** Path of a JSON file, or null. */
  readonly file: string | null;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** By flag, without the dashes; undefined where it is not given. */
  readonly flags: Readonly<Record<string, string | undefined>>;
}

/** A value and the name of its source. */
interface Sourced {
  readonly value: unknown;
  readonly source: string;
}

/** Reads and checks the configuration. Rejects with `ConfigError`, which names the source of the value that is wrong. */
export async function loadConfig({ file, environment, flags }: ConfigSources): Promise<Config> {
  const inFile = file === null ? {} : await readConfigFile(file);
  const entries = OPTIONS.map((option) => {
    const sourced =
      ofText(option, flags[option.flag], `--${option.flag}`) ??
      ofText(option, environment[option.variable], option.variable) ??
      (option.name === 'databaseUrl' ? ofText(option, environment.DATABASE_URL, 'DATABASE_URL') : null) ??
      (Object.hasOwn(inFile, option.name) ? { value: inFile[option.name], source: `${file ?? ''}, ${option.name}` } : null);
    return [option.name, sourced === null ? option.default : checked(option, sourced)] as const;
  });
  const config = Object.fromEntries(entries) as Config;
  if ((config.tlsCert === null) !== (config.tlsKey === null)) {
    const [given, missing] = config.tlsCert === null ? ['--tls-key', '--tls-cert'] : ['--tls-cert', '--tls-key'];
    throw new ConfigError(given, 'a certificate and its key belong together', `${missing} as well`, 'one of the two');
  }
  return config;
}

async function readConfigFile(file: string): Promise<Readonly<Record<string, unknown>>> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new ConfigError(file, 'the file cannot be read', 'a JSON file', error instanceof Error ? error.message : String(error));
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ConfigError(file, 'the file is not JSON', 'a JSON object', error instanceof Error ? error.message : String(error));
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ConfigError(file, 'the file does not hold an object', 'a JSON object of options', shown(value));
  const unknown = Object.keys(value).find((name) => !OPTIONS.some((option) => option.name === name));
  if (unknown !== undefined)
    throw new ConfigError(file, `there is no option ${unknown}`, OPTIONS.map(({ name }) => name).join(', '), unknown);
  return value as Record<string, unknown>;
}

/** Flags and variables are texts: a list has commas, and what is no number stays what it is, to be refused as that. */
function ofText({ kind }: Option, text: string | undefined, source: string): Sourced | null {
  if (text === undefined || text === '') return null;
  if (kind === 'number') return { value: text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text), source };
  if (kind === 'boolean') return { value: text === 'true' ? true : text === 'false' ? false : text, source };
  if (kind === 'array') return { value: text.split(',').map((item) => item.trim()), source };
  return { value: text, source };
}

function checked({ schema }: Option, { value, source }: Sourced): unknown {
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  throw new ConfigError(source, issue.message, issue.message.replace(/^expected /, ''), shown(issue.input));
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined;
  return text === undefined ? 'nothing' : text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
