/** What a coordinator writes to its log: lines of JSON, without a word on who asked what. */
import { pino } from 'pino';
import type { Config } from '../config/schema.ts';
import type { Log } from '../dispatch/observer.ts';

/** Fields that stay out: addresses of networks, inputs and outputs. */
const PRIVATE = ['address', 'remoteAddress', 'inputs', 'outputs'];

export function coordinatorLog(level: Config['logLevel']): Log {
  return pino({ level, redact: { paths: PRIVATE, remove: true }, base: null });
}
