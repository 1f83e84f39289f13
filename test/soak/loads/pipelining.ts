// 70 requests in one write, which must all get their responses, in order.
import { closed, dialTls, head } from '../clients.ts';
import type { Load } from '../load.ts';
import { onRequest } from '../raw-app.ts';

const lease = 'pipelined';
const requests = 70;

export const load: Load = {
  name: 'pipelining',
  rate: `1 write/s of ${requests} requests`,
  async start(context) {
    const { key, count, broken } = context;
    await context.publish(lease, (tunnel) => {
      onRequest(tunnel, (target) => {
        const body = `[${target}]`;
        tunnel.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      });
      tunnel.on('end', () => tunnel.end());
    });
    const expected = Array.from({ length: requests }, (_, i) => `[/${i}]`).join('');
    const text = Array.from({ length: requests }, (_, i) =>
      head('GET', `/peer/${lease}/${i}`, [`X-Gateway-Key: ${key}`]),
    ).join('');
    context.every({ perSecond: 1, atOnce: 2, timeoutMs: 20_000 }, async (signal) => {
      const socket = await dialTls(context, { localAddress: context.address() }, signal);
      let received = '';
      socket.on('data', (chunk: Buffer) => {
        received += chunk.toString('latin1');
        if (received.includes(`[/${requests - 1}]`)) socket.destroy();
      });
      socket.write(text);
      await closed(socket);
      if (context.signal.aborted) return;
      const bodies = (received.match(/\[\/\d+\]/g) ?? []).join('');
      count('responses', received.match(/HTTP\/1\.1 200/g)?.length ?? 0);
      if (bodies !== expected) broken(`${requests} pipelined requests are responded to in order`);
    });
  },
};
