/** Commands that run until they are told to stop, and end in good order then. */

/**
 * Resolves when the process is asked to end (SIGINT, SIGTERM); from this call on that does not end it by itself. Asked a second time, it ends at once: `hurry` is called.
 */
export function interruption(hurry: () => void): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.removeAllListeners(signal);
      process.on(signal, () => {
        if (asked) hurry();
        asked = true;
        resolve(signal);
      });
    }
  });
}
