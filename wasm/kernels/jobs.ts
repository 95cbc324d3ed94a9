// Every job that may run on several threads: its number (also for TypeScript) and its call. See README.md, "A job".

/** Runs a job on items begin .. end - 1. An unknown number traps. */
export function runJob(job: u32, args: usize, part: u32, begin: u32, end: u32): void {
  switch (job) {
    default:
      unreachable();
  }
}
