// An app that ends, resets and half-closes its tunnels at random moments of an exchange, mostly
// just after a complete response: the gateway's next request then goes to a tunnel that is about to
// die.
import type { Duplex } from 'node:stream';
import { call, keptConnections } from '../clients.ts';
import type { Load } from '../load.ts';
import { onRequest } from '../raw-app.ts';
import type { Random } from '../random.ts';

const lease = 'ending';
const pieces = ['HTTP/1.1 200 OK\r\nContent', '-Length: 5\r\n\r\nhe', 'llo'];

export const load: Load = {
  name: 'ending-tunnels',
  rate: '60 requests/s, 12 at once, to an app that ends tunnels 0 to 3 ms after part or all of a response',
  async start(context) {
    const { random, key, count } = context;
    await context.publish(lease, (tunnel) => {
      onRequest(tunnel, () => {
        respond(tunnel, random);
      });
      // A half-closed app continues to write, then ends.
      tunnel.on('end', () => tunnel.end());
    });
    const agent = keptConnections(context, 12);
    context.every({ perSecond: 60, atOnce: 12, timeoutMs: 20_000 }, async (signal) => {
      const status = await call(context, { agent, path: `/peer/${lease}/`, key, signal });
      count(String(status));
    });
  },
};

function respond(tunnel: Duplex, random: Random): void {
  const written = random.chance(0.7) ? pieces.length : random.between(0, pieces.length - 1);
  for (const piece of pieces.slice(0, written)) tunnel.write(piece);
  if (written === pieces.length && random.chance(0.3)) return;
  const way = random.pick(['end', 'destroy', 'talk on'] as const);
  const act = (): void => {
    if (way === 'destroy') tunnel.destroy();
    else tunnel.end(way === 'end' ? undefined : 'HTTP/1.1 200 OK\r\n');
  };
  const delayMs = random.between(-1, 3);
  if (delayMs < 0) act();
  else setTimeout(act, delayMs);
}
