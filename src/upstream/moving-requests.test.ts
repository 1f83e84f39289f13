// Which requests move to another tunnel when theirs is lost, by what had been sent: never one that an app may have acted on.
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { ScriptedPipe } from '../../test/helpers/scripted-pipe.ts';
import { Cancellation } from '../kernel/cancellation.ts';
import { systemClock } from '../kernel/clock.ts';
import { noHeaders, type RequestBody, type Sink } from '../kernel/http.ts';
import type { Lease, Transport } from './transport.ts';
import { Upstream } from './upstream.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const lease: Lease = { id: 'A'.repeat(26), name: 'app', alpn: [], metadata: '', expiresAtMs: 0 };
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

const noBody: RequestBody = {
  lengthBytes: 'none',
  started: false,
  receivedBytes: 0,
  open: () => assert.fail('there is no body'),
  trailers: () => noHeaders,
};

function bodyOf(stream: PassThrough, lengthBytes: number | null): RequestBody {
  return { lengthBytes, started: false, receivedBytes: 0, open: () => stream, trailers: () => noHeaders };
}

class TunnelPipe extends ScriptedPipe {
  readonly peerId = null;
}

class Bench {
  readonly tunnels: TunnelPipe[] = [];
  readonly #upstream: Upstream;
  readonly #transport: Transport;

  constructor(t: TestContext) {
    const limits = { maxIdle: 10, maxActive: 10, maxDialing: 10, maxWaiting: 10, idleTimeoutMs: 90_000 };
    this.#upstream = new Upstream({ clock: systemClock, limits: () => limits });
    t.after(() => {
      this.#upstream.close();
    });
    this.#transport = {
      relay: 'memory://test',
      rttMs: undefined,
      state: () => 'up',
      list: () => Promise.resolve([lease]),
      dial: () => {
        const tunnel = new TunnelPipe();
        this.tunnels.push(tunnel);
        return Promise.resolve(tunnel);
      },
      close: () => Promise.resolve(),
    };
  }

  /** Reports the status, or the code of the error. */
  send(method: string, body: RequestBody = noBody, offeredProtocols = ''): { outcome: number | string } {
    const result = { outcome: 'none' as number | string };
    let status = 0;
    const settle = (outcome: number | string): void => {
      assert.equal(result.outcome, 'none');
      result.outcome = outcome;
    };
    const sink: Sink = {
      informational: () => undefined,
      head: (received) => {
        status = received;
      },
      data: () => true,
      end: () => {
        settle(status);
      },
      upgrade: () => {
        settle(101);
      },
      fail: ({ code }) => {
        settle(code);
      },
    };
    this.#upstream.send(
      {
        ...{ method, target: '/', headers: ['Host', 'a'], offeredProtocols, dropped: new Set<string>(), body, lease },
        transports: [this.#transport],
        timeouts: { dialMs: 10_000, responseHeadersMs: 10_000, bodyIdleMs: 10_000, totalMs: 0 },
        cancellation: new Cancellation(),
        carried: { relay: undefined, startedMs: 0 },
        leaseGone: () => undefined,
      },
      sink,
    );
    return result;
  }

  /** A tunnel that has carried a request and is idle. */
  async used(): Promise<TunnelPipe> {
    const first = this.send('GET');
    await turn();
    const [tunnel] = this.tunnels;
    assert.ok(tunnel);
    tunnel.receive(ok);
    await turn();
    assert.equal(first.outcome, 200);
    return tunnel;
  }
}

interface Row {
  readonly method: string;
  readonly lengthBytes?: number | null;
  /** A byte of the request left over the tunnel that is lost. */
  readonly sent: boolean;
  /** What came of a response. */
  readonly received?: string;
  readonly moves: boolean;
}

const rows: readonly Row[] = [
  { method: 'GET', sent: false, moves: true },
  { method: 'GET', sent: true, moves: true },
  { method: 'GET', sent: true, received: 'H', moves: false },
  { method: 'GET', sent: true, received: 'HTTP/1.1 103 x\r\n\r\n', moves: false },
  { method: 'POST', sent: false, moves: true },
  { method: 'POST', sent: true, moves: false },
  { method: 'POST', lengthBytes: 4, sent: false, moves: true },
  { method: 'POST', lengthBytes: 4, sent: true, moves: false },
  { method: 'POST', lengthBytes: null, sent: false, moves: true },
  { method: 'POST', lengthBytes: null, sent: true, moves: false },
  { method: 'PUT', lengthBytes: 4, sent: false, moves: true },
  { method: 'PUT', lengthBytes: 4, sent: true, moves: false },
  { method: 'DELETE', sent: true, moves: true },
  { method: 'PATCH', sent: true, moves: false },
];

describe('a request whose kept tunnel is lost', () => {
  for (const { method, lengthBytes, sent, received = '', moves } of rows) {
    const kind = lengthBytes === undefined ? method : `${method} with ${lengthBytes ?? 'an unknown number of'} bytes`;
    const when = `${sent ? 'after' : 'before'} a byte left${received === '' ? '' : `, behind ${JSON.stringify(received)}`}`;
    it(`${moves ? 'moves' : 'fails'}: ${kind}, ${when}`, async (t) => {
      const bench = new Bench(t);
      const tunnel = await bench.used();
      const source = new PassThrough();
      tunnel.sends = sent;
      const result = bench.send(method, lengthBytes === undefined ? noBody : bodyOf(source, lengthBytes));
      source.write('bo');
      await turn();
      tunnel.receive(received);
      tunnel.fail(new Error('reset'));
      await turn();
      await turn();
      if (!moves) {
        assert.equal(result.outcome, 'tunnel_failed');
        assert.equal(bench.tunnels.length, 1);
        return;
      }
      source.end('dy');
      await turn();
      await turn();
      const second = bench.tunnels[1];
      assert.ok(second);
      assert.ok(second.text.startsWith(`${method} / HTTP/1.1\r\n`));
      if (lengthBytes === 4) assert.ok(second.text.endsWith('\r\n\r\nbody'));
      if (lengthBytes === null) assert.ok(second.text.endsWith('\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n'));
      second.receive(ok);
      await turn();
      assert.equal(result.outcome, 200);
    });
  }

  it('moves when the app sent something before a byte left: that is the rest of an earlier response', async (t) => {
    for (const method of ['GET', 'POST']) {
      const bench = new Bench(t);
      const tunnel = await bench.used();
      tunnel.sends = false;
      const result = bench.send(method);
      tunnel.receive(ok);
      await turn();
      await turn();
      assert.equal(result.outcome, 'none');
      bench.tunnels[1]?.receive(ok);
      await turn();
      assert.equal(result.outcome, 200);
    }
  });

  it('moves once: a second loss fails it', async (t) => {
    const bench = new Bench(t);
    const tunnel = await bench.used();
    const result = bench.send('GET');
    tunnel.fail(new Error('reset'));
    await turn();
    await turn();
    bench.tunnels[1]?.fail(new Error('reset'));
    await turn();
    assert.equal(result.outcome, 'tunnel_failed');
    assert.equal(bench.tunnels.length, 2);
  });
});
