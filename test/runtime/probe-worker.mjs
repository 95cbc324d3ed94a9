// Entry of the worker of prover.test.ts.
import { register } from 'tsx/esm/api';

register();
await import('./probe-worker.ts');
