// The longest admitted heads, trailers and response heads, in shapes that cost naive code quadratic
// time. Most are sent before authentication.
import { once } from 'node:events';
import { dialTls, head, servername } from '../clients.ts';
import type { Load, LoadContext } from '../load.ts';
import { onRequest } from '../raw-app.ts';

const lease = 'heads';
/** `gateway.max_header_bytes` is 32 KiB; Node counts names, values and the target. */
const headBytes = 30_000;
/** The gateway accepts response heads of up to 64 KiB. */
const responseHeadBytes = 62_000;

const fill = (unit: string, bytes = headBytes): string => unit.repeat(Math.floor(bytes / unit.length));
const options = (bytes: number): string => fill('ab,', bytes / 2) + 'x';

/** Fields of a request, or a complete target. */
const shapes: readonly [readonly string[], ...(readonly string[])[]] = [
  [`Transfer-Encoding: x${fill(' ')}x, chunked`],
  [`Transfer-Encoding: ${fill('\t, ')}chunked`],
  [`Connection: ${options(headBytes)}`, ...Array.from({ length: 700 }, (_, i) => `a${i}: `)],
  [`Connection: ${fill(' ,')}`],
  [`X-Forwarded-For: ${fill('1.1.1.1,')}2.2.2.2`],
  [`Forwarded: ${fill('for=1.1.1.1;,')}for=2.2.2.2`],
  [`Forwarded: for="${fill('\\"')}`],
  [`Cookie: ${fill('a=b; ')}`],
  [`Authorization: Bearer${fill(' ')}x`],
  [`X-Gateway-Key: ${fill('sk_test_')}`],
  [`Connection: upgrade`, `Upgrade: ${fill('websocket/a ,')}x`],
  [`Sec-WebSocket-Protocol: ${fill('portal-gateway.bearer.,')}`],
  [`Via: ${fill('1.1 a, ')}`],
  [`Expect: ${fill('100-continue,')}`],
  [`Content-Type: ${fill(';')}`],
  [`Accept: ${fill('text/html;q=')}`],
  [`Origin: http://${fill('a.')}`],
  [`X-Forwarded-Host: ${fill('[')}`],
  [`Traceparent: ${fill('00-')}`],
  Array.from({ length: 1_900 }, (_, i) => `h${i}: ${'v'.repeat(4)}`),
];
const targets = [
  '/',
  '/health',
  `/peer/${lease}/`,
  `/peer/${fill('%C3%A9', 3_000)}`,
  `/peer/${lease}${fill('/..', 6_000)}`,
  `/peer/${lease}/?${fill('a&', 6_000)}`,
] as const;

const responseHeads: readonly [string, ...string[]] = [
  ['HTTP/1.1 200 OK', `Connection: ${options(responseHeadBytes)}`, ...Array.from({ length: 900 }, (_, i) => `a${i}: `)],
  ['HTTP/1.1 200 OK', `Connection: ${fill(' ,', responseHeadBytes)}`],
  ['HTTP/1.1 200 OK', ...Array.from({ length: 1_500 }, (_, i) => `Set-Cookie: c${i}=${'v'.repeat(10)}; Path=/`)],
  ['HTTP/1.1 302 Found', `Location: /${fill('../', 30_000)}`],
  ['HTTP/1.1 200 OK', `Content-Type: text/plain${fill(' ;', responseHeadBytes)}`],
  ['HTTP/1.1 200 OK', `Set-Cookie: a=b${fill('; Path=/', responseHeadBytes)}`],
].map((fields) => [...fields, 'Content-Length: 0', '', ''].join('\r\n')) as [string, ...string[]];

export const load: Load = {
  name: 'nasty-heads',
  rate: '8 requests/s, 4 at once, of 20 shapes and 6 targets; every third with a key, to an app that responds in kind',
  async start(context) {
    const { random, count } = context;
    await context.publish(lease, (tunnel) => {
      onRequest(tunnel, () => tunnel.write(random.pick(responseHeads)));
      tunnel.on('end', () => tunnel.end());
    });
    context.every({ perSecond: 8, atOnce: 4, timeoutMs: 20_000 }, async (signal) => {
      const socket = await dialTls(context, { localAddress: context.address() }, signal);
      const startedMs = performance.now();
      socket.write(requestText(context));
      const [first] = (await once(socket, 'data', { signal })) as [Buffer];
      socket.destroy();
      count(first.toString('latin1', 9, 12));
      if (performance.now() - startedMs > 1_000) count('slower than 1 s');
    });
  },
};

function requestText({ random, key }: LoadContext): string {
  const authorised = random.chance(0.33);
  const credential = authorised ? [`X-Gateway-Key: ${key}`] : [];
  const target = authorised ? `/peer/${lease}/` : random.pick(targets);
  if (random.chance(0.1)) {
    const trailers = Array.from({ length: 900 }, (_, i) => `t${i}: ${'v'.repeat(8)}`);
    const start = head('POST', target, [
      ...credential,
      'Transfer-Encoding: chunked',
      `Trailer: ${fill('t1,', 9_000)}t2`,
    ]);
    return `${start}1\r\nx\r\n0\r\n${trailers.join('\r\n')}\r\n\r\n`;
  }
  if (random.chance(0.05)) return `GET ${target} HTTP/1.1\r\nHost: ${servername}${fill('.')}\r\n\r\n`;
  return head(random.chance(0.5) ? 'GET' : 'POST', target, [...credential, ...random.pick(shapes)]);
}
