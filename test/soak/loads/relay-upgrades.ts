// Upgrade requests to our relay from one address that never complete, and sockets that send nothing
// at all.
import { closed, dialTcp } from '../clients.ts';
import type { Load } from '../load.ts';

export const load: Load = {
  name: 'relay-upgrades',
  rate: '60 half-open upgrades/s from one address, 1,500 at once',
  start(context) {
    const { random, relay, count } = context;
    context.every({ perSecond: 60, atOnce: 1_500, timeoutMs: 30_000 }, async (signal) => {
      const socket = await dialTcp(relay.port, context.address(), signal);
      count('opened');
      socket.resume();
      if (random.chance(0.8)) socket.write('GET /relay HTTP/1.1\r\nHost: relay\r\nUpgrade: websocket\r\nConnection: ');
      await closed(socket);
      if (!signal.aborted) count('ended by the relay');
      else if (!context.signal.aborted) context.broken('a half-open upgrade ends within 30 s');
    });
  },
};
