// A job that does nothing but show that it ran: by it, tests and the self-check of the worker see that threads share the work.

/**
 * Job. Adds 1 to word i of `counters` for every item i, and 1 to word `part` of `calls` per call; traps on a participant with number `faulty`. args: counters, calls, faulty. One atomic
 * addition an item.
 */
export function visit(args: usize, part: u32, begin: u32, end: u32): void {
  const counters = load<u32>(args) as usize;
  if (part == load<u32>(args + 8)) unreachable();
  for (let i = begin; i < end; i++) atomic.add<u32>(counters + ((i as usize) << 2), 1);
  atomic.add<u32>((load<u32>(args + 4) as usize) + ((part as usize) << 2), 1);
}
