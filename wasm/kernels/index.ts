// Everything the module exports. One file per noun; see README.md.
export { runJob } from './jobs';
