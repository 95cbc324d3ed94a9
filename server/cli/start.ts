/** `npm start`: a living network on this machine: a coordinator with its pages, and a headless miner in a process of its own. Options come from the environment, as for `veritab serve`. */
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '../config/config.ts';
import { startCoordinator } from '../serve.ts';
import { startFailure } from './commands/serve.ts';
import { coordinatorLog } from './coordinator-log.ts';
import { EXIT, failureText } from './failure.ts';
import { interruption } from './interruption.ts';
import { facts } from './table.ts';
import { version } from './version.ts';

const PROGRAM = fileURLToPath(new URL('./main.ts', import.meta.url));

/** How long to wait before a miner that ended is started again, ms. */
const RESTART_AFTER = 2000;

/** Keeps a miner running until `asked` resolves; `stop` ends it. */
function keepMining(origin: string, data: string, asked: Promise<unknown>): { stop(): Promise<void> } {
  let child: ChildProcess | null = null;
  let timer: NodeJS.Timeout | undefined;
  let stopping = false;
  const start = (): void => {
    const args = ['--import', import.meta.resolve('tsx'), PROGRAM, 'mine', '--coordinator', origin, '--data', join(data, 'miner')];
    child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr!.on('data', (chunk) => (said = `${said}${String(chunk)}`.slice(-2000)));
    child.once('close', (code) => {
      child = null;
      if (stopping) return;
      process.stderr.write(`the miner ended (exit code ${code}); it is started again\n${said}\n`);
      timer = setTimeout(start, RESTART_AFTER);
    });
  };
  start();
  // Ctrl-C in a terminal reaches the miner too.
  void asked.then(() => (stopping = true));
  return {
    async stop() {
      stopping = true;
      clearTimeout(timer);
      const running = child;
      if (running === null) return;
      const ended = new Promise((resolve) => running.once('close', resolve));
      running.kill('SIGTERM');
      await ended;
    },
  };
}

try {
  process.stderr.write('starting ...\n');
  const config = await loadConfig({ file: null, environment: { VERITAB_LOG_LEVEL: 'warn', ...process.env }, flags: {} });
  const asked = interruption(() => process.exit(EXIT.interrupted));
  const coordinator = await startCoordinator(config, { log: coordinatorLog(config.logLevel), version: version() });
  const miner = keepMining(coordinator.origin, config.data, asked);
  // Whatever ends this process ends the miner: it would mine for nobody.
  process.on('exit', () => void miner.stop());
  process.stdout.write(
    `Veritab runs on ${coordinator.origin}\n\n${facts([
      ['verify', `${coordinator.origin}/ (draw a digit, see it proven, verify the proof)`],
      ['mine', `${coordinator.origin}/mine (one miner runs already; a second tab is another)`],
      ['interface', `${coordinator.origin}/docs`],
      ['data', config.data],
    ])}\n\nCtrl-C ends it.\n`,
  );
  await asked;
  process.stderr.write('finishing what is under way ...\n');
  await coordinator.drain();
  await miner.stop();
  process.exitCode = EXIT.done;
} catch (thrown) {
  const failure = startFailure(thrown);
  process.stderr.write(`${failureText(failure)}\n`);
  process.exitCode = EXIT[failure.kind];
}
