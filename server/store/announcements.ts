/**
 * News between coordinators: that jobs wait, that a request went on. In one process they are events; between several, that share a server, LISTEN and NOTIFY. They may be lost (with a connection, or
 * a coordinator): whoever listens also looks every second.
 */

export type Announcement =
  /** Jobs wait to be given out. */
  | { readonly topic: 'jobs' }
  /** A request has new events; `cancelled`: attempts at its jobs were taken back. */
  | { readonly topic: 'request'; readonly request: string; readonly cancelled: boolean }
  /** A session has a new connection: its others are over. */
  | { readonly topic: 'session'; readonly session: string; readonly connection: string }
  /** A hotkey rests. */
  | { readonly topic: 'paused'; readonly hotkey: string; readonly until: number }
  /** A model was published. */
  | { readonly topic: 'models'; readonly digest: string };

export type Listener = (announcement: Announcement) => void;

/** PostgreSQL's channel. */
export const CHANNEL = 'veritab';

export class Announcements {
  private readonly listeners = new Set<Listener>();

  /** Calls the listener with every announcement from now on; returns what ends that. */
  listen(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Tells this process. */
  emit(announcement: Announcement): void {
    for (const listener of [...this.listeners]) listener(announcement);
  }

  /** Tells this process what another one said. Whatever is no announcement, another version's perhaps, is dropped. */
  receive(payload: string): void {
    let value: unknown;
    try {
      value = JSON.parse(payload);
    } catch {
      return;
    }
    if (typeof value === 'object' && value !== null && 'topic' in value) this.emit(value as Announcement);
  }
}
