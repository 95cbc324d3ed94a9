import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { EXIT } from '../../server/cli/failure.ts';

const SERVER = join(import.meta.dirname, '../../server');
const text = readFileSync(join(SERVER, 'README.md'), 'utf8');

it('the README of the room names every folder', () => {
  const folders = readdirSync(SERVER, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  for (const { name } of folders) expect(text).toContain(`\`${name}/\``);
});

it('the README of the room lists the exit codes', () => {
  const listed = [...text.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
  expect(listed).toEqual(Object.values(EXIT));
});
