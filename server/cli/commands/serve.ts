/** `veritab serve`: runs a coordinator until it is told to stop. */
import type { ArgsDef } from 'citty';
import { ConfigError, loadConfig } from '../../config/config.ts';
import { OPTIONS, type Option } from '../../config/schema.ts';
import { startCoordinator } from '../../serve.ts';
import { command, type Result } from '../command.ts';
import { coordinatorLog } from '../coordinator-log.ts';
import { EXIT, Failure, failureOf } from '../failure.ts';
import { interruption } from '../interruption.ts';
import { version } from '../version.ts';

/** What the help says of an option. */
function describe({ description, variable, default: preset }: Option): string {
  const text = String(preset ?? '');
  return `${description}${text === '' ? '' : ` (default: ${text})`} [${variable}]`;
}

const OPTION_ARGS: ArgsDef = Object.fromEntries(
  OPTIONS.map((option) => [option.flag, { type: 'string', valueHint: option.hint, description: describe(option) }]),
);

/** Why a coordinator cannot start. */
export function startFailure(thrown: unknown): Failure {
  if (thrown instanceof ConfigError)
    return new Failure('usage', 'config', thrown.message, {
      expected: thrown.expected,
      got: thrown.got,
      hint: 'veritab serve --help',
      cause: thrown,
    });
  if (thrown instanceof Error && 'syscall' in thrown && thrown.syscall === 'listen') {
    const hint = 'code' in thrown && thrown.code === 'EADDRINUSE' ? 'something listens there already; choose another with --port' : '';
    return new Failure('network', 'listen', `the coordinator cannot listen: ${thrown.message}`, {
      expected: 'an address of this machine that is free',
      hint,
      cause: thrown,
    });
  }
  return failureOf(thrown);
}

export const serve = command({
  meta: { name: 'serve', description: 'Run a coordinator: take requests, give their proofs to miners, verify, answer' },
  args: {
    config: {
      type: 'string',
      valueHint: 'file',
      description: 'JSON file of options, by their names in camelCase; flags go before environment, environment before file',
    },
    ...OPTION_ARGS,
  },
  async run(args, terminal): Promise<Result> {
    const flags = Object.fromEntries(OPTIONS.map(({ flag }) => [flag, (args as Readonly<Record<string, string | undefined>>)[flag]]));
    try {
      const config = await loadConfig({ file: args.config ?? null, environment: process.env, flags });
      const asked = interruption(() => process.exit(EXIT.interrupted));
      const coordinator = await startCoordinator(config, { log: coordinatorLog(config.logLevel), version: version() });
      terminal.note(`Veritab listens on ${coordinator.origin}`);
      const signal = await asked;
      terminal.note('finishing what miners work on; once more ends at once');
      await coordinator.drain();
      return { text: `ended by ${signal}`, json: { ended: signal, origin: coordinator.origin } };
    } catch (thrown) {
      throw startFailure(thrown);
    }
  },
});
