/** What a command is: options, and a function from options to a result. `program.ts` runs it. */
import type { ArgsDef, CommandMeta, ParsedArgs } from 'citty';
import { parseArgs } from 'node:util';
import { Failure } from './failure.ts';
import type { Terminal } from './terminal.ts';

/** What a command has to say when it is done. */
export interface Result {
  /** For people. */
  readonly text: string;
  /** For programs: the one object that `--json` prints. */
  readonly json: Readonly<Record<string, unknown>>;
}

export interface Command<T extends ArgsDef = ArgsDef> {
  readonly meta: CommandMeta & { readonly name: string; readonly description: string };
  readonly args: T;
  /** Whether more positional arguments than those of `args` may follow (they are in `args._`). */
  readonly more?: boolean;
  /** Throws `Failure`, or errors that `failureOf` knows. */
  readonly run: (args: ParsedArgs<T>, terminal: Terminal) => Promise<Result>;
}

/** A command, with the types of its options kept. */
export function command<const T extends ArgsDef>(definition: Command<T>): Command<T> {
  return definition;
}

/** Options of every command. */
export const COMMON_ARGS = {
  json: { type: 'boolean', description: 'Print one JSON object' },
} satisfies ArgsDef;

/** How many threads compute. */
export const THREADS_ARG = {
  type: 'string',
  valueHint: 'n',
  description: 'Threads that compute; by default as many as there are',
} as const;

/** The value of `--threads`, or null. Throws `Failure` (usage) unless it is 1 .. 64. */
export function threadsOf(text: string | undefined): number | null {
  if (text === undefined) return null;
  const threads = Number(text);
  if (!/^\d+$/.test(text) || threads < 1 || threads > 64)
    throw usage('--threads is no number of threads', { expected: '1 to 64', got: text });
  return threads;
}

const usage = (message: string, details?: { expected?: string; got?: string; hint?: string }): Failure =>
  new Failure('usage', 'usage', message, details);

/** Refuses what citty would let pass: options that do not exist, come twice, or lack their value, and arguments too many. */
export function checkUsage(rawArgs: readonly string[], args: ArgsDef, more: boolean): void {
  const options = Object.entries(args).filter(([, definition]) => definition.type !== 'positional');
  const names = new Map<string, string>();
  for (const [name, definition] of options) {
    names.set(name, name);
    if ('alias' in definition) for (const alias of [definition.alias ?? []].flat()) names.set(alias, name);
  }
  const types = Object.fromEntries(
    options.map(([name, definition]) => {
      const short = [...names].find(([alias, main]) => main === name && alias.length === 1)?.[0];
      return [name, { type: definition.type === 'boolean' ? ('boolean' as const) : ('string' as const), ...(short && { short }) }];
    }),
  );
  const { tokens } = parseArgs({ args: [...rawArgs], options: types, strict: false, allowPositionals: true, tokens: true });
  const seen = new Set<string>();
  let positionals = 0;
  for (const token of tokens) {
    if (token.kind === 'positional') positionals++;
    if (token.kind !== 'option') continue;
    const name = names.get(token.name);
    if (name === undefined) {
      const expected = options.map(([known]) => `--${known}`).join(', ');
      throw usage(`there is no option ${token.rawName}`, { expected, got: token.rawName });
    }
    if (seen.has(name)) throw usage(`--${name} is given twice`, { hint: 'where an option takes several values, commas separate them' });
    seen.add(name);
    if (types[name]!.type === 'boolean') {
      if (token.value !== undefined) throw usage(`--${name} takes no value`, { got: token.value });
    } else if (token.value === undefined || token.value === '' || (!token.inlineValue && token.value.startsWith('--'))) {
      throw usage(`--${name} needs a value`, { got: token.value ?? 'nothing' });
    }
  }
  const most = Object.values(args).filter(({ type }) => type === 'positional').length;
  if (!more && positionals > most) throw usage(`${positionals} arguments, at most ${most} are expected`, { got: rawArgs.join(' ') });
}
