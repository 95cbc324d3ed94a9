/** Runs the command that the arguments name, prints its result or failure, and gives the exit code. */
import { defineCommand, renderUsage, runCommand, type ArgsDef, type CommandDef } from 'citty';
import { stripVTControlCharacters } from 'node:util';
import { checkUsage, COMMON_ARGS, type Command, type Result } from './command.ts';
import { EXIT, EXIT_MEANINGS, Failure, failureJson, failureOf, failureText } from './failure.ts';
import { createTerminal, type Streams, type Terminal } from './terminal.ts';
import { version } from './version.ts';

/** Commands are loaded when they are called for: ONNX Runtime alone takes longer to load than a proof to verify. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  compile: async () => erased((await import('./commands/compile.ts')).compile),
  prove: async () => erased((await import('./commands/prove.ts')).prove),
  verify: async () => erased((await import('./commands/verify.ts')).verify),
  run: async () => erased((await import('./commands/run.ts')).run),
  inspect: async () => erased((await import('./commands/inspect.ts')).inspect),
  reproduce: async () => erased((await import('./commands/reproduce.ts')).reproduce),
  mine: async () => erased((await import('./commands/mine.ts')).mine),
  infer: async () => erased((await import('./commands/infer.ts')).infer),
  serve: async () => erased((await import('./commands/serve.ts')).serve),
  model: async () => erased((await import('./commands/model.ts')).model),
  bench: async () => erased((await import('./commands/bench.ts')).bench),
};

/** The options' types are the command's own business. */
function erased<T extends ArgsDef>(command: Command<T>): Command {
  return command as unknown as Command;
}

/** The program as citty sees it; results are handed to `done`. */
function program(terminal: Terminal, done: (result: Result) => void): CommandDef {
  const subCommands = Object.fromEntries(
    Object.entries(COMMANDS).map(([name, load]) => [
      name,
      async () => {
        const { meta, args: own, run } = await load();
        const args: ArgsDef = { ...own, ...COMMON_ARGS };
        return defineCommand({
          meta,
          args,
          run: async (context) => done(await run(context.args, terminal)),
        });
      },
    ]),
  );
  return defineCommand({
    meta: { name: 'veritab', version: version(), description: 'Prove that an AI model was run on an input, and verify such proofs' },
    subCommands,
  });
}

/**
 * Runs the command line.
 * @param rawArgs the arguments after the program's name
 * @returns the exit code; never rejects
 */
export async function runProgram(rawArgs: readonly string[], streams: Streams): Promise<number> {
  const end = rawArgs.indexOf('--');
  const options = end < 0 ? rawArgs : rawArgs.slice(0, end);
  const terminal = createTerminal(streams, options.includes('--json'));
  const print = (result: Result): void => {
    const text = terminal.json ? JSON.stringify(result.json) : result.text;
    streams.stdout.write(`${text}\n`);
  };
  const main = program(terminal, print);
  try {
    if (rawArgs.length === 1 && rawArgs[0] === '--version') {
      print({ text: version(), json: { version: version() } });
    } else if (rawArgs.length === 0 || options.includes('--help') || options.includes('-h')) {
      const usage = await usageOf(main, rawArgs);
      streams.stdout.write(`${streams.stdout.isTTY === true ? usage : stripVTControlCharacters(usage)}\n`);
      if (rawArgs.length === 0) return EXIT.usage;
    } else {
      await checkUsageOf(rawArgs);
      await runCommand(main, { rawArgs: [...rawArgs] });
    }
    return EXIT.done;
  } catch (thrown) {
    const failure = isUsageError(thrown)
      ? new Failure('usage', 'usage', stripVTControlCharacters(thrown.message), { hint: 'veritab --help' })
      : failureOf(thrown);
    if (terminal.json) streams.stdout.write(`${JSON.stringify(failureJson(failure))}\n`);
    else streams.stderr.write(`${failureText(failure)}\n`);
    return EXIT[failure.kind];
  }
}

/** Refuses options and arguments that the named command does not have; a command that does not exist is citty's to refuse. */
async function checkUsageOf([name = '', ...rest]: readonly string[]): Promise<void> {
  const load = COMMANDS[name];
  if (load === undefined) return;
  const { args, more = false } = await load();
  checkUsage(rest, { ...args, ...COMMON_ARGS }, more);
}

/** The usage of the command that is named, else of the whole program. */
async function usageOf(main: CommandDef, rawArgs: readonly string[]): Promise<string> {
  const name = rawArgs[0] ?? '';
  const load = COMMANDS[name];
  if (load === undefined) return `${await renderUsage(main)}\n\n${exitCodes()}`;
  const { meta, args } = await load();
  return renderUsage({ meta, args: { ...args, ...COMMON_ARGS } }, main);
}

function exitCodes(): string {
  const lines = Object.entries(EXIT).map(([name, code]) => `  ${`${code}`.padStart(3)}  ${EXIT_MEANINGS[name as keyof typeof EXIT]}`);
  return `EXIT CODES\n\n${lines.join('\n')}\n`;
}

/** citty's class is not exported. */
function isUsageError(thrown: unknown): thrown is Error {
  return thrown instanceof Error && thrown.name === 'CLIError';
}
