// HTTP/2 heads that never end: HEADERS without END_HEADERS, then a byte a second. The gateway must
// close the connection within `gateway.read_header_timeout`.
import { closed, dialTls } from '../clients.ts';
import type { Load } from '../load.ts';
import { fieldBlock, flag, frame, frameType, preface } from '../../helpers/http2-frames.ts';

/** `gateway.read_header_timeout` is 10 s. */
const mustEndMs = 15_000;

export const load: Load = {
  name: 'http2-slow-heads',
  rate: '1 connection/s, 20 at once, each a head of which a byte a second comes',
  start(context) {
    const { random, count, broken } = context;
    context.every({ perSecond: 1, atOnce: 20, timeoutMs: mustEndMs + 5_000 }, async (signal) => {
      const localAddress = context.address(random.between(1, 4));
      const socket = await dialTls(context, { localAddress, alpn: 'h2' }, signal);
      const startedMs = performance.now();
      const block = fieldBlock([
        [':method', 'GET'],
        [':scheme', 'https'],
        [':path', `/${'a'.repeat(1_000)}`],
      ]);
      const half = block.subarray(0, 20);
      socket.resume();
      socket.write(Buffer.concat([preface, frame(frameType.settings, 0, 0)]));
      socket.write(frame(frameType.headers, flag.endStream, 1, half));
      let at = half.length;
      const timer = setInterval(() => {
        socket.write(frame(frameType.continuation, 0, 1, block.subarray(at, at + 1)));
        at += 1;
      }, 1_000);
      count('opened');
      await closed(socket);
      clearInterval(timer);
      if (context.signal.aborted) return;
      if (performance.now() - startedMs > mustEndMs) broken('a head over HTTP/2 ends within read_header_timeout');
      else count('ended by the gateway');
    });
  },
};
