#!/usr/bin/env node
/** The `veritab` command. */
import { EXIT, failureOf, failureText } from './failure.ts';
import { removeUnfinished } from './files.ts';
import { runProgram } from './program.ts';
import { stopOnSignals } from './signals.ts';

stopOnSignals();
// Node's own exit code for these is 1, with which we say that something was refused.
process.on('uncaughtException', (thrown) => {
  removeUnfinished();
  process.stderr.write(`${failureText(failureOf(thrown))}\n`);
  process.exit(EXIT.bug);
});
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  removeUnfinished();
  // Whoever read our output, `head` for one, has had enough.
  if (error.code === 'EPIPE') process.exit(EXIT.done);
  process.stderr.write(`error: cannot write the result: ${error.message}\n`);
  process.exit(EXIT.input);
});

process.exitCode = await runProgram(process.argv.slice(2), process);
