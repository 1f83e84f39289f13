// Clients of one key that request 30 MiB and read nothing of it. The gateway must cut them
// (`gateway.min_write_rate`), and have capacity for other clients until then.
import type { Duplex } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { closed, dialTls, head } from '../clients.ts';
import type { Load } from '../load.ts';
import { onRequest } from '../raw-app.ts';

const lease = 'bulk';
const bodyBytes = 30 * 1_048_576;
const block = Buffer.alloc(65_536, 'x');
/**
 * `gateway.min_write_rate` is a mean over 30 s of the time in which data waits, which begins when
 * the buffers on the path are full.
 */
const unreadMs = 60_000;

export const load: Load = {
  name: 'unread-responses',
  rate: `2 requests/s from 5 addresses for 30 MiB, nothing of which is read for ${unreadMs / 1_000} s; 140 at once`,
  async start(context) {
    const { key, random, count, broken } = context;
    await context.publish(lease, (tunnel) => {
      onRequest(tunnel, () => {
        sendBody(tunnel);
      });
      tunnel.on('end', () => tunnel.end());
    });
    context.every({ perSecond: 2, atOnce: 140, timeoutMs: unreadMs + 30_000 }, async (signal) => {
      const socket = await dialTls(context, { localAddress: context.address(random.between(1, 5)) }, signal);
      socket.write(head('GET', `/peer/${lease}/`, [`X-Gateway-Key: ${key}`]));
      socket.pause();
      count('opened');
      await pause(unreadMs, undefined, { signal });
      // Only now can this side see whether the connection has ended.
      let bytes = 0;
      socket.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes >= bodyBytes) socket.destroy();
      });
      socket.resume();
      await closed(socket);
      if (bytes >= bodyBytes) broken(`a response of which nothing is read is cut within ${unreadMs / 1_000} s`);
      else if (!signal.aborted) count(bytes > 65_536 ? 'cut' : 'refused');
    });
  },
};

function sendBody(tunnel: Duplex): void {
  tunnel.write(`HTTP/1.1 200 OK\r\nContent-Length: ${bodyBytes}\r\n\r\n`);
  let left = bodyBytes;
  const more = (): void => {
    while (left > 0 && !tunnel.destroyed) {
      left -= block.length;
      if (!tunnel.write(block)) return;
    }
  };
  tunnel.on('drain', more);
  more();
}
