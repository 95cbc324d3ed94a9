// Running a job on all threads. The thread that calls `parallel` (the driver) and its helpers, which are inside `participate`, take chunks of the items from
// one counter until there are none. The driver never waits for a helper that has not taken anything: on a busy machine it does the work itself.
//
// Control block (640 bytes, zero at first); each word that somebody polls has 128 bytes of its own, as processors fetch cache lines in pairs:
//   +0    generation: counts calls of `parallel`; helpers without work look at it, and sleep on it
//   +4    quit: not 0 when helpers shall return
//   +128  left: chunks that nobody has taken
//   +256  pending: chunks that are not done; the driver sleeps on it. Its top bit says that a helper trapped (set by runtime/thread.ts)
//   +384  job, args, count, grain, chunks; they do not change while a chunk is pending
//   +512  sleepers: helpers that sleep, or are about to

import { runJob } from './jobs';

const QUIT: usize = 4;
const LEFT: usize = 128;
const PENDING: usize = 256;
const JOB: usize = 384;
const ARGS: usize = 388;
const COUNT: usize = 392;
const GRAIN: usize = 396;
const CHUNKS: usize = 400;
const SLEEPERS: usize = 512;

const FAILED: u32 = 0x80000000;

/** How often a thread without work looks again before it sleeps: some 20 to 50 microseconds, longer than the pause between two rounds of a sumcheck. */
const SPINS: u32 = 30000;

/** Takes and does chunks of the present job until there are none; the number done. One compare-and-exchange a chunk. */
function takeChunks(control: usize, part: u32): u32 {
  let done: u32 = 0;
  let left = atomic.load<u32>(control, LEFT);
  while (left != 0) {
    const seen = atomic.cmpxchg<u32>(control, left, left - 1, LEFT);
    if (seen != left) {
      left = seen;
      continue;
    }
    // The chunk that was just taken keeps the job from ending, so the words below belong to it.
    const grain = load<u32>(control, GRAIN);
    const count = load<u32>(control, COUNT);
    const begin = (load<u32>(control, CHUNKS) - left) * grain;
    const end = count - begin > grain ? begin + grain : count;
    runJob(load<u32>(control, JOB), load<u32>(control, ARGS), part, begin, end);
    done++;
    left = atomic.load<u32>(control, LEFT);
  }
  return done;
}

/**
 * Runs a job over items 0 .. count - 1 in chunks of `grain` on the calling thread, as part 0, and on the helpers that are awake in time. Returns 0 when all is
 * done, 1 if a helper trapped (then nothing may be done with this memory any more). `count` and `grain` at least 1; one call at a time. About 1 microsecond
 * besides the job when helpers are awake.
 */
export function parallel(job: u32, args: usize, count: u32, grain: u32, control: usize): u32 {
  const chunks = (count - 1) / grain + 1;
  store<u32>(control, job, JOB);
  store<u32>(control, args as u32, ARGS);
  store<u32>(control, count, COUNT);
  store<u32>(control, grain, GRAIN);
  store<u32>(control, chunks, CHUNKS);
  // Not a plain store: a trap that is reported meanwhile must not be overwritten.
  if (atomic.add<u32>(control, chunks, PENDING) & FAILED) return 1;
  atomic.store<u32>(control, chunks, LEFT);
  atomic.add<u32>(control, 1);
  // A helper counts itself before it looks at the generation for the last time: it either sees the new one or is seen here.
  if (atomic.load<u32>(control, SLEEPERS) != 0) atomic.notify(control, chunks - 1);

  const done = takeChunks(control, 0);
  let pending = atomic.sub<u32>(control, done, PENDING) - done;
  let spins = SPINS;
  while (pending != 0) {
    if (pending & FAILED) return 1;
    if (spins != 0) spins--;
    else atomic.wait<i32>(control + PENDING, pending as i32, -1);
    pending = atomic.load<u32>(control, PENDING);
  }
  return 0;
}

/** A helper's life: does chunks as participant `part` (1, 2, ...) of every job until `quit`. */
export function participate(control: usize, part: u32): void {
  let seen = atomic.load<u32>(control) - 1;
  while (atomic.load<u32>(control, QUIT) == 0) {
    let generation = atomic.load<u32>(control);
    for (let spins = SPINS; generation == seen && spins != 0; spins--) generation = atomic.load<u32>(control);
    if (generation == seen) {
      atomic.add<u32>(control, 1, SLEEPERS);
      atomic.wait<i32>(control, seen as i32, -1);
      atomic.sub<u32>(control, 1, SLEEPERS);
      continue;
    }
    seen = generation;
    const done = takeChunks(control, part);
    // Whoever finishes last wakes the driver, which may sleep.
    if (done != 0 && atomic.sub<u32>(control, done, PENDING) == done) atomic.notify(control + PENDING, 1);
  }
}

/** Makes all helpers return. */
export function quit(control: usize): void {
  atomic.store<u32>(control, 1, QUIT);
  atomic.add<u32>(control, 1);
  atomic.notify(control, -1);
}
