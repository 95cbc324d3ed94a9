/** Entry of a kernel thread in a page. */
import { serveThread } from './thread.ts';

serveThread(self);
