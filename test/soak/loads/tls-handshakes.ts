// TLS connections that end within the handshake, as TCP health checks do, some of them from the
// honest client's address; others stop sending within it, from addresses of this load.
import { connect as connectTcp } from 'node:net';
import { dialTcp, closed, host } from '../clients.ts';
import type { Load, LoadContext } from '../load.ts';

const ways = ['close', 'end', 'reset', 'garbage', 'half a hello and end', 'half a hello and silence'] as const;

/** The beginning of a ClientHello of 512 bytes (RFC 8446 §4). */
const halfHello = Buffer.concat([Buffer.from('1603010200010001fc0303', 'hex'), Buffer.alloc(64, 7)]);

export const load: Load = {
  name: 'tls-handshakes',
  rate: '40 connections/s that end within the handshake; half of those that close come from 127.0.0.1',
  start(context) {
    const { random, count } = context;
    context.every({ perSecond: 40, atOnce: 200, timeoutMs: 15_000 }, async (signal) => {
      const way = random.pick(ways);
      await attempt(context, way, signal);
      count(way);
    });
  },
};

async function attempt(context: LoadContext, way: (typeof ways)[number], signal: AbortSignal): Promise<void> {
  const { random, gateway } = context;
  // A silent connection occupies a slot for read_header_timeout, which is intended, so it must not
  // come from the honest client's address.
  const own = way !== 'half a hello and silence' && random.chance(0.5);
  const localAddress = own ? host : context.address(random.between(1, 4));
  if (way === 'end') {
    // The other direction stays open: only the gateway can end it.
    const socket = connectTcp({ host, port: gateway.port, localAddress, allowHalfOpen: true });
    const destroy = (): void => void socket.destroy();
    signal.addEventListener('abort', destroy, { once: true });
    socket.on('error', () => undefined).on('end', destroy);
    socket.resume().end();
    await closed(socket);
    signal.removeEventListener('abort', destroy);
    if (signal.aborted && !context.signal.aborted)
      context.broken('an end within the TLS handshake ends the connection');
    return;
  }
  const socket = await dialTcp(gateway.port, localAddress, signal);
  socket.resume();
  if (way === 'close') socket.destroy();
  else if (way === 'reset') socket.resetAndDestroy();
  else if (way === 'garbage') socket.write('GET / HTTP/1.1\r\n\r\n');
  else {
    socket.write(halfHello);
    if (way === 'half a hello and end') socket.end();
  }
  await closed(socket);
}
