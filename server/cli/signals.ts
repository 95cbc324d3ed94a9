/** What happens when somebody stops the program. */
import { EXIT } from './failure.ts';
import { removeUnfinished } from './files.ts';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

function stop(): never {
  removeUnfinished();
  // Workers end with the process, wherever they are. The cursor may have been hidden by a bar.
  if (process.stderr.isTTY) process.stderr.write('\u001b[?25h\n');
  process.exit(EXIT.interrupted);
}

/** From now on the program ends with exit code 130 when it is stopped, and leaves no half-written files. */
export function stopOnSignals(): void {
  for (const signal of SIGNALS) process.on(signal, stop);
}

/**
 * Runs a computation that takes long and does not let go of the thread: no listener could be called while it runs. Signals then end the process as if it did not know them, which shells report as 130 too
 * (SIGINT). Nothing may be half-written meanwhile, nor a bar be drawn.
 */
export function stoppable<T>(computation: () => T): T {
  const listened = SIGNALS.filter((signal) => process.listeners(signal).includes(stop));
  for (const signal of listened) process.off(signal, stop);
  try {
    return computation();
  } finally {
    for (const signal of listened) process.on(signal, stop);
  }
}
