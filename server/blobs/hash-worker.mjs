// Entry of the hashing worker when Node runs the TypeScript sources.
import { register } from 'tsx/esm/api';

register();
await import('./hash-worker.ts');
