import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { systemClock } from '../kernel/clock.ts';
import { Deadlines } from '../kernel/work/deadlines.ts';
import { BodyWatch } from './body-watch.ts';
import { ClientRequest } from './client-request.ts';

test('a body of the smallest chunks arrives complete, in few pieces, and lets other work run in between', async (t) => {
  const body = Buffer.from('0123456789'.repeat(5_000));
  const pieces: Buffer[] = [];
  let turns = 0;
  const server = createServer({ IncomingMessage: ClientRequest }, (request, response) => {
    const owner = { bodyFault: assert.fail, bodyStalled: assert.fail };
    request.watch = new BodyWatch({ maxBytes: 0, pauseMs: 10_000 }, new Deadlines(systemClock), owner, false);
    const turn = (): void => {
      turns += 1;
      if (!request.readableEnded) setImmediate(turn);
    };
    setImmediate(turn);
    request.on('data', (piece: Buffer) => pieces.push(piece)).on('end', () => response.end());
  }).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.write('POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n');
  client.end(`${body.toString().replace(/./g, '1\r\n$&\r\n')}0\r\n\r\n`);
  await once(client.resume(), 'close');
  assert.deepEqual(Buffer.concat(pieces), body);
  // 300 KB arrive in at least five reads, each in a turn of the event loop: a first piece and the
  // gathered rest.
  assert.ok(pieces.length < 200, `${pieces.length} pieces`);
  assert.ok(turns >= 4, `${turns} turns`);
});
