import { describe, expect, it } from 'vitest';
import { hotkeyFromSeed } from '../../server/wire/keys.ts';
import { KeyFileError, readKeyFile, writeKeyFile } from '../../web/miner/key-file.ts';

const digits = 'e5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a';
const seed = new Uint8Array(Buffer.from(digits, 'hex'));
/** The well-known development key of this seed. */
const ALICE = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY';

function errorOf(text: string): KeyFileError {
  try {
    readKeyFile(text);
  } catch (error) {
    expect(error).toBeInstanceOf(KeyFileError);
    return error as KeyFileError;
  }
  return expect.fail('it was read');
}

describe('a key file', () => {
  it('is a Bittensor hotkey, read and written', () => {
    const file = JSON.parse(writeKeyFile(seed)) as Record<string, string>;
    expect(file).toMatchObject({ ss58Address: ALICE, secretSeed: `0x${digits}` });
    expect(file.publicKey).toBe(file.accountId);
    expect(readKeyFile(writeKeyFile(seed))).toEqual(seed);
    // As btcli writes it: with more fields, some of them null.
    const more = { ...file, privateKey: '0x00', secretPhrase: 'bottom drive obey', publicKey: null };
    expect(readKeyFile(JSON.stringify(more))).toEqual(seed);
  });

  it('may be a seed alone', () => {
    for (const text of [digits, `0x${digits}`, `${digits.toUpperCase()}\n`]) expect(readKeyFile(text)).toEqual(seed);
    expect(hotkeyFromSeed(seed).address).toBe(ALICE);
  });

  it.each([
    ['encrypted by btcli', '$NACL\u0001gibberish', 'encrypted'],
    ['encrypted by Ansible', '$ANSIBLE_VAULT;1.1;AES256', 'encrypted'],
    ['encrypted by a wallet extension', JSON.stringify({ encoded: 'AAAA', address: ALICE }), 'encrypted'],
    ['empty', '', 'no key file'],
    ['half a seed', digits.slice(2), 'no key file'],
    ['a list', '[]', 'no key file'],
    ['without a seed', JSON.stringify({ ss58Address: ALICE }), 'no seed'],
    ['with half a seed', JSON.stringify({ secretSeed: '0x00' }), 'no seed'],
    ['of another address', JSON.stringify({ secretSeed: `0x${digits}`, ss58Address: '5F' }), 'ss58Address is not that of its seed'],
    ['of another key', JSON.stringify({ secretSeed: digits, publicKey: `0x${'00'.repeat(32)}` }), 'publicKey is not that of its seed'],
  ])('that is %s is refused, without repeating secrets', (_, text, message) => {
    const error = errorOf(text);
    expect(error.message).toContain(message);
    expect(`${error.message} ${error.expected} ${error.got}`).not.toContain(digits.slice(0, 16));
  });
});
