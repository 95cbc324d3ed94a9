// Entry of the runtime's workers when Node runs the TypeScript sources.
import { register } from 'tsx/esm/api';

register();
await import('./node-worker.ts');
