#!/usr/bin/env node
/** The `veritab` command. */
import { EXIT } from './failure.ts';
import { removeUnfinished } from './files.ts';
import { runProgram } from './program.ts';

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    removeUnfinished();
    // Workers end with the process, wherever they are. The cursor may have been hidden by a bar.
    if (process.stderr.isTTY) process.stderr.write('\u001b[?25h\n');
    process.exit(EXIT.interrupted);
  });
}
// Whoever read our output, `head` for one, has had enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  removeUnfinished();
  process.exit(EXIT.done);
});

process.exitCode = await runProgram(process.argv.slice(2), process);
