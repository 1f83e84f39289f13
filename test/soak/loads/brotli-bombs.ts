// An app whose every response is a few hundred bytes of brotli that decode to 255 MiB of JSON,
// called with a key whose tokens are counted. A third of the clients disconnect in the middle of
// the response.
import { constants, createBrotliCompress } from 'node:zlib';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { call, keptConnections } from '../clients.ts';
import type { Load } from '../load.ts';
import { onRequest } from '../raw-app.ts';

const lease = 'bombs';
const decodedMiB = 255;

export const load: Load = {
  name: 'brotli-bombs',
  rate: `2 requests/s, 3 at once, each ${decodedMiB} MiB when decoded; a third aborted`,
  async start(context) {
    const { random, key, count } = context;
    const body = await bomb();
    const head = [
      'HTTP/1.1 200 OK',
      'Content-Type: application/json',
      'Content-Encoding: br',
      `Content-Length: ${body.length}`,
    ];
    const [first, rest] = [body.subarray(0, body.length >> 1), body.subarray(body.length >> 1)];
    await context.publish(lease, (tunnel) => {
      onRequest(tunnel, () => {
        tunnel.write(`${head.join('\r\n')}\r\n\r\n`);
        tunnel.write(first);
        setTimeout(() => tunnel.write(rest), random.between(0, 20));
      });
      tunnel.on('end', () => tunnel.end());
    });
    const agent = keptConnections(context, 3);
    context.every({ perSecond: 2, atOnce: 3, timeoutMs: 30_000 }, async (signal) => {
      const aborts = random.chance(0.33);
      const options = { agent, path: `/peer/${lease}/`, key, signal, ...(aborts && { readBytes: 1 }) };
      const status = await call(context, options);
      count(aborts ? 'aborted' : String(status));
    });
  },
};

async function bomb(): Promise<Buffer> {
  const brotli = createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: 5 } });
  const compressed = buffer(brotli);
  brotli.write('{"a":"');
  const block = Buffer.alloc(2 ** 20, 'a');
  for (let i = 0; i < decodedMiB; i += 1) if (!brotli.write(block)) await once(brotli, 'drain');
  brotli.end('","usage":{"total_tokens":1}}');
  return compressed;
}
