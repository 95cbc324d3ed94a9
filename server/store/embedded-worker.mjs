// Entry of the embedded database's worker when Node runs the TypeScript sources.
import { register } from 'tsx/esm/api';

register();
await import('./embedded-worker.ts');
