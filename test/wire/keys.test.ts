/** Addresses and signatures, on published values and on what is none. */
import { expect, test } from 'vitest';
import { addressOf, hotkeyFromSeed, hotkeySigned, keyOf, sessionKeyFromSecret, sessionKeySigned } from '../../server/wire/keys.ts';

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));

/** The well-known development account //Alice: its mini secret, public key and address (Substrate's documentation of `subkey inspect //Alice`). */
const ALICE = {
  seed: bytes('e5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a'),
  publicKey: bytes('d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d'),
  address: '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY',
};

test('a seed gives the published key and address', () => {
  const hotkey = hotkeyFromSeed(ALICE.seed);
  expect(hotkey.publicKey).toEqual(ALICE.publicKey);
  expect(hotkey.address).toBe(ALICE.address);
  expect(addressOf(ALICE.publicKey)).toBe(ALICE.address);
  expect(keyOf(ALICE.address)).toEqual(ALICE.publicKey);
});

test('an address with any letter changed is none', () => {
  for (let n = 0; n < ALICE.address.length; n++) {
    const other = ALICE.address[n] === 'z' ? 'y' : 'z';
    expect(keyOf(ALICE.address.slice(0, n) + other + ALICE.address.slice(n + 1)), `letter ${n}`).toBeNull();
  }
  for (const text of ['', '0', ALICE.address.slice(1), `${ALICE.address}1`, '1'.repeat(65), 'lIO0']) expect(keyOf(text), text).toBeNull();
});

test('a hotkey signs texts as they are, and wrapped as wallets do', () => {
  const hotkey = hotkeyFromSeed(ALICE.seed);
  const message = new TextEncoder().encode('text');
  const wrapped = new TextEncoder().encode('<Bytes>text</Bytes>');
  expect(hotkeySigned(hotkey.publicKey, message, hotkey.sign(message))).toBe(true);
  expect(hotkeySigned(hotkey.publicKey, message, hotkey.sign(wrapped))).toBe(true);
  const signature = hotkey.sign(message);
  expect(hotkeySigned(hotkey.publicKey, new TextEncoder().encode('texT'), signature)).toBe(false);
  for (const at of [0, 31, 32, 63]) expect(hotkeySigned(hotkey.publicKey, message, signature.with(at, signature[at]! ^ 1))).toBe(false);
  expect(hotkeySigned(hotkeyFromSeed(new Uint8Array(32)).publicKey, message, signature)).toBe(false);
  for (const length of [0, 63, 65]) expect(hotkeySigned(hotkey.publicKey, message, new Uint8Array(length))).toBe(false);
  expect(hotkeySigned(new Uint8Array(31), message, signature)).toBe(false);
});

/** RFC 8032, section 7.1, test 2. */
test('a session key signs as RFC 8032 says', () => {
  const key = sessionKeyFromSecret(bytes('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb'));
  expect(Buffer.from(key.publicKey).toString('hex')).toBe('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c');
  const message = Uint8Array.of(0x72);
  const signature = bytes(
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  );
  expect(key.sign(message)).toEqual(signature);
  expect(sessionKeySigned(key.publicKey, message, signature)).toBe(true);
  for (const at of [0, 31, 32, 63])
    expect(sessionKeySigned(key.publicKey, message, signature.with(at, signature[at]! ^ 1)), `byte ${at}`).toBe(false);
  expect(sessionKeySigned(key.publicKey, Uint8Array.of(0x73), signature)).toBe(false);
  expect(sessionKeySigned(new Uint8Array(32).fill(255), message, signature)).toBe(false);
  expect(sessionKeySigned(key.publicKey, message, new Uint8Array(12))).toBe(false);
});
