/**
 * What a coordinator can be told: one schema, from which the file, the environment, the flags, their help and their defaults follow. An option `trustedProxies` is `trustedProxies` in the file,
 * VERITAB_TRUSTED_PROXIES in the environment, --trusted-proxies as a flag.
 */
import { availableParallelism } from 'node:os';
import { BlockList, isIP } from 'node:net';
import * as v from 'valibot';

const integer = (least: number, most: number) =>
  v.pipe(
    v.number('expected a number'),
    v.integer('expected a whole number'),
    v.minValue(least, `expected ${least} or more`),
    v.maxValue(most, `expected ${most} or less`),
  );
const path = v.pipe(v.string('expected a path'), v.minLength(1, 'expected a path'));

const isOrigin = (text: string): boolean => {
  try {
    const { protocol, origin } = new URL(text);
    return ['http:', 'https:'].includes(protocol) && origin === text;
  } catch {
    return false;
  }
};
const origin = v.pipe(v.string('expected an origin'), v.check(isOrigin, 'expected an origin, like https://host or http://host:8420'));

const allowedOrigin = v.pipe(
  v.string('expected an origin'),
  v.check((text) => text === '*' || isOrigin(text), 'expected * or an origin, like https://host'),
);

/** An address, or addresses with a common prefix: 10.0.0.0/8. */
const network = v.pipe(
  v.string('expected an address'),
  v.check((text) => parseNetwork(text) !== null, 'expected an address like 127.0.0.1, or addresses like 10.0.0.0/8'),
);

function parseNetwork(text: string): { address: string; prefix: number; family: 'ipv4' | 'ipv6' } | null {
  const [address = '', bits, ...rest] = text.split('/');
  const version = isIP(address);
  const most = version === 4 ? 32 : 128;
  const prefix = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
  if (version === 0 || rest.length > 0 || !(prefix <= most)) return null;
  return { address, prefix, family: version === 4 ? 'ipv4' : 'ipv6' };
}

/** The addresses that `networks` (each as in `trustedProxies`) stand for. */
export function addressesOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const { address, prefix, family } of networks.map((text) => parseNetwork(text)!)) list.addSubnet(address, prefix, family);
  return list;
}

/** A value with its description, and what stands for it in the help. */
function option<const S extends v.GenericSchema>(schema: S, description: string, hint: string) {
  return v.pipe(schema, v.metadata({ hint }), v.description(description));
}

export const configSchema = v.strictObject({
  host: v.optional(
    option(v.pipe(v.string('expected an address'), v.minLength(1, 'expected an address')), 'Address to listen on', 'address'),
    '127.0.0.1',
  ),
  port: v.optional(option(integer(0, 65535), 'Port to listen on; 0 takes a free one', 'n'), 8420),
  origin: v.optional(option(v.nullable(origin), 'Where the coordinator is reached from outside; by default its own address', 'url'), null),
  data: v.optional(option(path, "Folder of the coordinator's keys, blobs, compiled models and embedded database", 'folder'), './.veritab'),
  hotkey: v.optional(
    option(
      v.nullable(path),
      "File of the coordinator's key, which coordinators of one network share; by default coordinator.key in the data folder, made at the first start",
      'file',
    ),
    null,
  ),
  databaseUrl: v.optional(
    option(
      v.nullable(v.pipe(v.string('expected a URL'), v.regex(/^postgres(ql)?:\/\//, 'expected a URL that begins with postgres://'))),
      'PostgreSQL database to keep state in (also DATABASE_URL); by default an embedded one in the data folder',
      'url',
    ),
    null,
  ),
  blobs: v.optional(
    option(
      v.picklist(['disk', 'postgres'], 'expected disk or postgres'),
      'Where circuits, weights and bundles are kept: several coordinators share postgres',
      'disk|postgres',
    ),
    'disk',
  ),
  blobBytes: v.optional(
    option(integer(2 ** 20, 2 ** 50), 'Size of all blobs from which on the oldest that may go are removed', 'bytes'),
    2 ** 33,
  ),
  modelsFolder: v.optional(option(v.nullable(path), 'Folder of models to serve: every NAME.circuit with its NAME.weights', 'folder'), null),
  digits: v.optional(option(v.boolean('expected true or false'), 'Whether to serve the built-in model', 'true|false'), true),
  web: v.optional(option(v.nullable(path), 'Folder of the built pages; by default those of this installation', 'folder'), null),
  tlsCert: v.optional(option(v.nullable(path), 'Certificate chain (PEM): serve HTTPS', 'file'), null),
  tlsKey: v.optional(option(v.nullable(path), 'Private key of the certificate (PEM)', 'file'), null),
  trustedProxies: v.optional(
    option(v.array(network, 'expected a list of addresses'), 'Proxies whose X-Forwarded-For is believed', 'address,...'),
    [],
  ),
  corsOrigins: v.optional(
    option(
      v.array(allowedOrigin, 'expected a list of origins'),
      'Origins whose pages may use the interface; * for all, which need no cookies',
      'url,...',
    ),
    ['*'],
  ),
  verifiers: v.optional(option(integer(1, 256), 'Proofs that are verified at a time', 'n'), availableParallelism()),
  verifierBytes: v.optional(option(integer(2 ** 26, 2 ** 40), 'Memory of prepared verifiers', 'bytes'), 2 ** 29),
  maxRequests: v.optional(option(integer(1, 1_000_000), 'Requests that may be open at a time', 'n'), 1000),
  maxRequestsPerAddress: v.optional(option(integer(1, 1_000_000), 'Open requests of one address', 'n'), 100),
  maxMiners: v.optional(option(integer(1, 1_000_000), 'Miners that may be connected at a time', 'n'), 10_000),
  maxMinersPerAddress: v.optional(option(integer(1, 1_000_000), 'Connections of miners from one address', 'n'), 2000),
  maxInputBytes: v.optional(option(integer(1024, 2 ** 30), 'Largest body of a request for an inference', 'bytes'), 2 ** 24),
  maxModelBytes: v.optional(option(integer(1024, 2 ** 28), 'Largest circuit or weights file that may be published', 'bytes'), 2 ** 26),
  maxUploadBytes: v.optional(option(integer(1024, 2 ** 50), 'Bytes that one address may put into blobs within an hour', 'bytes'), 2 ** 28),
  modelsPerPublisher: v.optional(option(integer(0, 10_000), 'Models that one key may publish', 'n'), 8),
  benchmarkShare: v.optional(
    option(
      v.pipe(v.number('expected a number'), v.minValue(0, 'expected 0 or more'), v.maxValue(1, 'expected 1 or less')),
      "Share of an idle miner's time that benchmarks may take",
      '0..1',
    ),
    0.1,
  ),
  drainSeconds: v.optional(option(integer(0, 3600), 'How long going down waits for the jobs that miners have', 'n'), 10),
  logLevel: v.optional(
    option(
      v.picklist(['silent', 'error', 'warn', 'info', 'debug'], 'expected silent, error, warn, info or debug'),
      'How much to log',
      'level',
    ),
    'info',
  ),
});

export type Config = v.InferOutput<typeof configSchema>;
export type OptionName = keyof Config;

export interface Option {
  readonly name: OptionName;
  /** `VERITAB_TRUSTED_PROXIES` */
  readonly variable: string;
  /** `trusted-proxies` */
  readonly flag: string;
  readonly description: string;
  readonly hint: string;
  readonly default: string | number | boolean | null | readonly string[];
  /** How text becomes a value of it. */
  readonly kind: 'string' | 'number' | 'boolean' | 'array';
  readonly schema: v.GenericSchema;
}

/** The type of value below pipes, defaults and alternatives to null. */
function kindOf(schema: v.GenericSchema): Option['kind'] {
  const { type } = schema;
  if ('wrapped' in schema) return kindOf(schema.wrapped as v.GenericSchema);
  return type === 'number' || type === 'boolean' || type === 'array' ? type : 'string';
}

export const OPTIONS: readonly Option[] = Object.entries(configSchema.entries).map(([name, schema]) => ({
  name: name as OptionName,
  variable: `VERITAB_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`,
  flag: name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
  description: v.getDescription(schema.wrapped)!,
  hint: v.getMetadata(schema.wrapped).hint,
  default: schema.default,
  kind: kindOf(schema),
  schema,
}));
