import { expect, it } from 'vitest';
import { createUploadQuota } from '../../server/api/upload-quota.ts';

it('lets each address upload so much an hour, and says when it may go on', () => {
  let time = 0;
  const quota = createUploadQuota(100, () => time);
  quota.take('a', 60);
  time = 1_000_000;
  quota.take('a', 40);
  quota.take('b', 100);
  expect(() => quota.take('a', 1)).toThrow(
    expect.objectContaining({ status: 429, code: 'too-many-uploads', got: '101 bytes', retryAfter: 2600 }),
  );
  time = 3_600_000;
  quota.take('a', 100);
  expect(() => quota.take('b', 1)).toThrow(expect.objectContaining({ retryAfter: 1000 }));
  expect(() => quota.take('c', 101)).toThrow('as much as it may');
});
