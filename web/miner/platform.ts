/** What a miner needs from a page or from Node. */
import type { ProverPlatform } from '../../wasm/runtime/platform.ts';
import type { Clock } from '../client/clock.ts';
import type { Storage } from '../client/storage.ts';

/** An open, or opening, connection. */
export interface Socket {
  send(bytes: Uint8Array): void;
  close(code?: number, reason?: string): void;
}

export interface SocketEvents {
  /** A binary message; null for one that is text. */
  message(bytes: Uint8Array | null): void;
  /** Called once; also where the connection could not be made (code 1006). */
  close(code: number, reason: string): void;
}

/** Opens a connection with a subprotocol. What arrives before it is open is kept by whoever implements it. */
export type OpenSocket = (url: string, protocol: string, events: SocketEvents) => Socket;

export interface MinerPlatform {
  readonly openSocket: OpenSocket;
  readonly fetch: typeof globalThis.fetch;
  readonly prover: ProverPlatform;
  readonly storage: Storage;
  readonly clock: Clock;
  /** So many bytes from the system's source of randomness. */
  readonly random: (bytes: number) => Uint8Array;
}

/** What pages and Node's `ws` have in common. */
interface StandardWebSocket {
  binaryType: string;
  send(bytes: Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: 'close', listener: (event: { readonly code: number; readonly reason: string }) => void): void;
  addEventListener(type: 'error', listener: () => void): void;
}

/** `OpenSocket` on a class of WebSockets. */
export function openSocketWith(open: (url: string, protocol: string) => StandardWebSocket): OpenSocket {
  return (url, protocol, events) => {
    const socket = open(url, protocol);
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('message', ({ data }) => events.message(data instanceof ArrayBuffer ? new Uint8Array(data) : null));
    socket.addEventListener('close', ({ code, reason }) => events.close(code, reason));
    // A close follows, and says what there is to say.
    socket.addEventListener('error', () => undefined);
    return {
      send: (bytes) => socket.send(bytes as Uint8Array<ArrayBuffer>),
      close: (code, reason) => socket.close(code, reason),
    };
  };
}
