import assert from 'node:assert/strict';
import { nextTick } from 'node:process';
import { Duplex } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { guardLoop } from '../../test/helpers/loop-guard.ts';
import { tunnelOver } from '../../test/helpers/plain-transport.ts';
import { MemoryUpstream } from '../../test/helpers/scripted-upstream.ts';

/** Responds one turn of the event loop after each request. */
class MemoryTunnel extends Duplex {
  override _read(): void {
    // data comes through push()
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

class Bench extends MemoryUpstream {
  readonly dialled: MemoryTunnel[] = [];
  /** Called with a tunnel between its dial and its first request. */
  beforeUse: (tunnel: MemoryTunnel) => void = () => undefined;

  constructor(t: TestContext) {
    guardLoop(t);
    super(t, () => {
      const tunnel = new MemoryTunnel();
      this.dialled.push(tunnel);
      this.beforeUse(tunnel);
      return Promise.resolve(tunnelOver(tunnel));
    });
    t.after(() => {
      for (const tunnel of this.dialled) tunnel.destroy();
    });
  }

  /** Resolves to the status, or to the code of the error. */
  get(offeredProtocols = ''): Promise<number | string> {
    return this.send('GET', { offeredProtocols }).settled;
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

/** How a tunnel dies. HTTP clients decide by the error code whether they retry. */
const deaths: ReadonlyMap<string, (tunnel: Duplex) => void> = new Map([
  ['FIN', (tunnel: Duplex) => void tunnel.push(null)],
  ['a reset', (tunnel: Duplex) => void tunnel.destroy()],
  ...['UND_ERR_SOCKET', 'UND_ERR_INFO', 'ERR_TLS_CERT_ALTNAME_INVALID', 'ECONNRESET'].map(
    (code): [string, (tunnel: Duplex) => void] => [code, (tunnel) => void tunnel.destroy(withCode(code))],
  ),
]);

/** When the tunnel dies, relative to the request that uses it. */
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
  test(`a request moves to another tunnel if its own dies by ${how}`, async (t) => {
    for (const [when, strike] of moments) {
      const bench = new Bench(t);
      assert.equal(await bench.get(), 200);
      await turn();
      const [first] = bench.dialled;
      assert.ok(first);
      assert.equal(await strike(die.bind(undefined, first), () => bench.get()), 200, when);
      assert.equal(bench.dialled.length, 2, when);
    }
  });

  test(`a tunnel that dies by ${how} before its first request fails it without another dial`, async (t) => {
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
          // The dialer listens for errors until it hands over the tunnel.
          tunnel.on('error', () => undefined);
          wait(() => {
            die(tunnel);
          });
        };
        assert.equal(await bench.get(offered), 'tunnel_failed', `${offered} ${wait.name}`);
        assert.equal(bench.dialled.length, 1);
      }
    }
  });
}
