// Reads the requests from a tunnel, for hostile apps that write their responses themselves.
import type { Duplex } from 'node:stream';

/**
 * Calls back with the target of each request. Bodies are not supported: they are dropped with the
 * heads.
 */
export function onRequest(tunnel: Duplex, respond: (target: string) => void): void {
  let text = '';
  tunnel.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    for (let end = text.indexOf('\r\n\r\n'); end !== -1; end = text.indexOf('\r\n\r\n')) {
      const [, target] = text.split(' ', 2);
      text = text.slice(end + 4);
      respond(target ?? '');
    }
  });
}
