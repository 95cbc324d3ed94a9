/** `npm start`: until there is a network to start, the built-in model proves what it reads. */
import { demonstrate } from './demonstration.ts';
import { EXIT, failureOf, failureText } from './failure.ts';

try {
  const { text, verified } = await demonstrate(Math.random, (what) => {
    if (process.stderr.isTTY) process.stderr.write(`${what} ...\n`);
  });
  process.stdout.write(`${text}\n\nMore in README.md: prove a model of your own with the veritab command.\n`);
  process.exitCode = verified ? EXIT.done : EXIT.refused;
} catch (thrown) {
  const failure = failureOf(thrown);
  process.stderr.write(`${failureText(failure)}\n`);
  process.exitCode = EXIT[failure.kind];
}
