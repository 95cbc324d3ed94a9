/**
 * A hotkey as a file: what Bittensor writes for hotkeys without a password, so that one file serves both.
 *
 * ```
 * { "accountId": "0x..", "publicKey": "0x..", "secretSeed": "0x..", "ss58Address": "5.." }
 * ```
 *
 * `secretSeed` (32 bytes) is needed; the others, where they are there, must belong to it; fields that are not named here are ignored. A file of 64 hexadecimal digits, with or without `0x`, is read
 * as a seed too.
 */
import { bytesToHex } from '@noble/hashes/utils.js';
import { hotkeyFromSeed } from '../../server/wire/keys.ts';

/** A file that is no hotkey: what was expected, and what came. */
export class KeyFileError extends Error {
  override readonly name = 'KeyFileError';
  readonly expected: string;
  readonly got: string;

  constructor(message: string, expected: string, got: string) {
    super(message);
    this.expected = expected;
    this.got = got;
  }
}

const EXPECTED = 'a Bittensor hotkey file (JSON with "secretSeed"), or a seed of 64 hexadecimal digits';

/** What encrypted key files begin with: NaCl, Ansible Vault, Fernet. */
const ENCRYPTED = [/^\$NACL/, /^\$ANSIBLE_VAULT/, /^gAAAA/];

function bytesOf(digits: string): Uint8Array {
  return Uint8Array.from({ length: digits.length / 2 }, (_, n) => Number.parseInt(digits.slice(2 * n, 2 * n + 2), 16));
}

function seedOf(text: string): Uint8Array | null {
  const match = /^(?:0x)?([0-9a-f]{64})$/i.exec(text.trim());
  return match === null ? null : bytesOf(match[1]!);
}

/** The seed in a file's text. Throws `KeyFileError`, whose message never repeats what may be secret. */
export function readKeyFile(text: string): Uint8Array {
  const trimmed = text.trim();
  if (ENCRYPTED.some((begin) => begin.test(trimmed)))
    throw new KeyFileError(
      'the key file is encrypted',
      'a hotkey without a password (btcli wallet regen-hotkey --no-use-password)',
      'an encrypted file',
    );
  const plain = seedOf(trimmed);
  if (plain !== null) return plain;
  let value: unknown;
  try {
    value = JSON.parse(trimmed);
  } catch {
    throw new KeyFileError('this is no key file', EXPECTED, trimmed === '' ? 'an empty file' : 'neither JSON nor hexadecimal digits');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new KeyFileError('this is no key file', EXPECTED, 'JSON that is no object');
  const fields = value as Readonly<Record<string, unknown>>;
  if ('encoded' in fields)
    throw new KeyFileError('the key file is encrypted', 'a key without a password', "a wallet extension's encrypted export");
  if ('crypto' in fields) throw new KeyFileError('the key file is encrypted', 'a key without a password', 'an encrypted keystore');
  const seed = typeof fields.secretSeed === 'string' ? seedOf(fields.secretSeed) : null;
  if (seed === null) {
    const got = fields.secretSeed === undefined || fields.secretSeed === null ? 'no secretSeed' : 'a secretSeed that is none';
    throw new KeyFileError('the key file has no seed', '"secretSeed": 0x and 64 hexadecimal digits', got);
  }
  const { publicKey, address } = hotkeyFromSeed(seed);
  const own: Readonly<Record<string, string>> = {
    ss58Address: address,
    publicKey: `0x${bytesToHex(publicKey)}`,
    accountId: `0x${bytesToHex(publicKey)}`,
  };
  for (const [name, expected] of Object.entries(own)) {
    const got = fields[name];
    if (got !== undefined && got !== null && got !== expected)
      throw new KeyFileError(
        `the key file's ${name} is not that of its seed`,
        expected,
        typeof got === 'string' ? got.slice(0, 80) : typeof got,
      );
  }
  return seed;
}

/** The file of a seed. It holds the secret: whoever reads it mines, and earns, as this hotkey. */
export function writeKeyFile(seed: Uint8Array): string {
  const { publicKey, address } = hotkeyFromSeed(seed);
  const key = `0x${bytesToHex(publicKey)}`;
  return `${JSON.stringify({ accountId: key, publicKey: key, secretSeed: `0x${bytesToHex(seed)}`, ss58Address: address }, null, 2)}\n`;
}
