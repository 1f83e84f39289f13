// A body of zero bytes counts as no body over HTTP/2 too: a head without END_STREAM, then an empty
// DATA frame with it.
import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { test, type TestContext } from 'node:test';
import { fieldBlock, flag, frame, frameType, type Fields } from '../helpers/http2-frames.ts';
import { get, startSecureGateway, type SecureGateway } from '../helpers/secure-gateway.ts';

const framing: RequestListener = (request, response) => {
  const { 'content-length': length, 'transfer-encoding': coding } = request.headers;
  request.resume().once('end', () => {
    const { 'x-sum': sum } = request.trailers;
    response.end(`<${request.method ?? ''} ${String(length)} ${String(coding)} ${String(sum)}>`);
  });
};

const endEmpty = frame(frameType.data, flag.endStream, 1);

/** Returns what the app reports about a request of these frames, sent in one write. */
async function bodySeen(gateway: SecureGateway, fields: Fields, ...frames: readonly Buffer[]): Promise<string> {
  const client = await gateway.raw2();
  client.send(frame(frameType.headers, flag.endHeaders, 1, fieldBlock(fields)), ...frames);
  assert.equal(await client.outcome(1), '200');
  const body = client.body(1);
  client.socket.destroy();
  return body;
}

const none: Fields = [];
const zero: Fields = [['content-length', '0']];

for (const [name, more] of [
  ['without a length', none],
  ['Content-Length: 0', zero],
] as const) {
  test(`${name}: the app gets a GET without a body and a POST of length 0`, async (t) => {
    const gateway = await startSecureGateway(t, framing);
    for (const [method, seen] of [
      ['GET', '<GET undefined undefined undefined>'],
      ['POST', '<POST 0 undefined undefined>'],
    ] as const) {
      assert.equal(await bodySeen(gateway, get('/', more, method), endEmpty), seen);
    }
  });

  test(`${name}: a GET may use a tunnel that has been idle for long`, async (t) => {
    let aheadMs = 0;
    const clock = { monotonicMs: () => performance.now() + aheadMs, wallMs: Date.now };
    const gateway = await startSecureGateway(t, framing, { clock });
    await bodySeen(gateway, get('/', more), endEmpty);
    aheadMs += 3_000;
    await bodySeen(gateway, get('/', more), endEmpty);
    assert.equal(gateway.transport.tunnels.length, 1);
  });
}

test('content, also after an empty frame, and trailers are a body', async (t) => {
  const gateway = await startSecureGateway(t, framing);
  const empty = frame(frameType.data, 0, 1);
  const content = frame(frameType.data, flag.endStream, 1, Buffer.from('x'));
  assert.equal(await bodySeen(gateway, get('/', none, 'POST'), empty, content), '<POST undefined chunked undefined>');
  const trailers = frame(frameType.headers, flag.endHeaders | flag.endStream, 1, fieldBlock([['x-sum', '5']]));
  assert.equal(await bodySeen(gateway, get('/', none, 'POST'), trailers), '<POST undefined chunked 5>');
});

test('does not wait for a body that has not begun', (t) => assertEarly(t, []));
test('does not wait for a body after an empty frame', (t) => assertEarly(t, [frame(frameType.data, 0, 1)]));

async function assertEarly(t: TestContext, frames: readonly Buffer[]): Promise<void> {
  const gateway = await startSecureGateway(t, (_, response) => response.end('early'));
  assert.equal(await bodySeen(gateway, get('/', none, 'POST'), ...frames), 'early');
}
