import assert from 'node:assert/strict';
import { nextTick } from 'node:process';
import { Duplex } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { guardLoop } from '../../test/helpers/loop-guard.ts';
import { tunnelOver } from '../../test/helpers/plain-transport.ts';
import { Cancellation } from '../kernel/cancellation.ts';
import { systemClock } from '../kernel/clock.ts';
import { noHeaders, type Sink } from '../kernel/http.ts';
import type { Lease, Transport } from './transport.ts';
import type { UpstreamRequest } from './upstream-request.ts';
import { Upstream } from './upstream.ts';

/** Responds a turn after each request. */
class MemoryTunnel extends Duplex {
  override _read(): void {
    // comes by push()
  }
  override _write(chunk: Buffer, _encoding: string, callback: () => void): void {
    callback();
    if (chunk.toString('latin1').endsWith('\r\n\r\n')) {
      setImmediate(() => {
        if (!this.destroyed && !this.readableEnded)
          this.push(Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
      });
    }
  }
  override _final(callback: () => void): void {
    callback();
    if (!this.readableEnded) this.push(null);
  }
}

const lease: Lease = { id: 'A'.repeat(26), name: 'app', alpn: [], metadata: '', expiresAtMs: 0 };
const body = {
  lengthBytes: 'none',
  started: false,
  receivedBytes: 0,
  open: () => assert.fail('there is no body'),
  trailers: () => noHeaders,
} as const;

class Bench {
  readonly dialled: MemoryTunnel[] = [];
  /** What happens to a tunnel between its dial and its first request. */
  beforeUse: (tunnel: MemoryTunnel) => void = () => undefined;
  readonly #upstream: Upstream;
  readonly #transport: Transport;

  constructor(t: TestContext) {
    guardLoop(t);
    const limits = { maxIdle: 10, maxActive: 10, maxDialing: 10, maxWaiting: 10, idleTimeoutMs: 90_000 };
    this.#upstream = new Upstream({ clock: systemClock, limits: () => limits });
    t.after(() => {
      this.#upstream.close();
      for (const tunnel of this.dialled) tunnel.destroy();
    });
    this.#transport = {
      relay: 'memory://test',
      rttMs: undefined,
      state: () => 'up',
      list: () => Promise.resolve([lease]),
      dial: () => {
        const tunnel = new MemoryTunnel();
        this.dialled.push(tunnel);
        this.beforeUse(tunnel);
        return Promise.resolve(tunnelOver(tunnel));
      },
      close: () => Promise.resolve(),
    };
  }

  /** The status, or the code of the error. */
  send(offeredProtocols = '', method = 'GET'): Promise<number | string> {
    const { promise, resolve, reject } = Promise.withResolvers<number | string>();
    let status = 0;
    let settled = false;
    const settle = (outcome: number | string): void => {
      if (settled) reject(new Error('settled twice'));
      settled = true;
      resolve(outcome);
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
    const request: UpstreamRequest = {
      ...{ method, target: '/', headers: ['Host', 'a'], offeredProtocols, dropped: new Set<string>(), body, lease },
      transports: [this.#transport],
      // A time limit that ends a request would be a 504.
      timeouts: { dialMs: 10_000, responseHeadersMs: 10_000, bodyIdleMs: 10_000, totalMs: 0 },
      cancellation: new Cancellation(),
      carried: { relay: undefined, startedMs: 0 },
      leaseGone: () => undefined,
      elsewhere: () => Promise.resolve(undefined),
    };
    this.#upstream.send(request, sink);
    return promise;
  }
}

const withCode = (code: string): Error => Object.assign(new Error(code), { code });
const microtask = (callback: () => void): void => {
  queueMicrotask(callback);
};
const tick = (callback: () => void): void => {
  nextTick(callback);
};
const turnLater = (callback: () => void): void => {
  setImmediate(callback);
};
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** How a tunnel dies. HTTP clients decide by the code of an error whether they try again. */
const deaths: ReadonlyMap<string, (tunnel: Duplex) => void> = new Map([
  ['FIN', (tunnel: Duplex) => void tunnel.push(null)],
  ['a reset', (tunnel: Duplex) => void tunnel.destroy()],
  ...['UND_ERR_SOCKET', 'UND_ERR_INFO', 'ERR_TLS_CERT_ALTNAME_INVALID', 'ECONNRESET'].map(
    (code): [string, (tunnel: Duplex) => void] => [code, (tunnel) => void tunnel.destroy(withCode(code))],
  ),
]);

/** When, seen from the request that takes the tunnel. */
const moments: ReadonlyMap<string, (die: () => void, send: () => Promise<unknown>) => Promise<unknown>> = new Map([
  [
    'just before',
    (die: () => void, send: () => Promise<unknown>) => {
      die();
      return send();
    },
  ],
  ...[microtask, tick, turnLater].map(
    (
      wait: (die: () => void) => unknown,
    ): [string, (die: () => void, send: () => Promise<unknown>) => Promise<unknown>] => [
      `${wait.name} after`,
      (die, send) => {
        const sent = send();
        wait(die);
        return sent;
      },
    ],
  ),
]);

for (const [how, die] of deaths) {
  test(`a request moves to another tunnel when its own dies by ${how}`, async (t) => {
    for (const [when, strike] of moments) {
      const bench = new Bench(t);
      assert.equal(await bench.send(), 200);
      await turn();
      const [first] = bench.dialled;
      assert.ok(first);
      assert.equal(await strike(die.bind(undefined, first), () => bench.send()), 200, when);
      assert.equal(bench.dialled.length, 2, when);
    }
  });

  test(`a tunnel that dies by ${how} before its first request fails it, and is not dialled again`, async (t) => {
    for (const offered of ['', 'chat']) {
      for (const wait of [
        (now: () => void) => {
          now();
        },
        microtask,
        tick,
      ]) {
        const bench = new Bench(t);
        bench.beforeUse = (tunnel) => {
          // The dialler listens until it hands the tunnel over.
          tunnel.on('error', () => undefined);
          wait(() => {
            die(tunnel);
          });
        };
        assert.equal(await bench.send(offered), 'tunnel_failed', `${offered} ${wait.name}`);
        assert.equal(bench.dialled.length, 1);
      }
    }
  });
}
