/** Whom a request comes from: the address that limits are counted against. */
import type { IncomingMessage } from 'node:http';
import type { BlockList } from 'node:net';

/** `::ffff:127.0.0.1` is an IPv4 address that came in over IPv6. */
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
}

function isIn(list: BlockList, address: string): boolean {
  return list.check(address, address.includes(':') ? 'ipv6' : 'ipv4');
}

/**
 * The address of the connection or, where that is a trusted proxy's, what the proxies say in `X-Forwarded-For`: the last address there that is none of theirs. What stands before it, the sender may
 * have written.
 */
export function clientAddress({ socket, headers }: Pick<IncomingMessage, 'socket' | 'headers'>, trusted: BlockList): string {
  let address = plain(socket.remoteAddress ?? '');
  const forwarded = [headers['x-forwarded-for'] ?? []].flat().join(',').split(',');
  const hops = forwarded.map((hop) => plain(hop.trim())).filter((hop) => hop !== '');
  while (isIn(trusted, address)) {
    const before = hops.pop();
    if (before === undefined) break;
    address = before;
  }
  return address;
}
