// Entry of the models' worker when Node runs the TypeScript sources.
import { register } from 'tsx/esm/api';

register();
await import('./model-worker.ts');
