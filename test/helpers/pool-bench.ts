// A tunnel pool whose dials and clock the test controls, tunnels to an app that responds at once,
// and callers that record their outcome.
import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { mock, type TestContext } from 'node:test';
import { Deadlines } from '../../src/kernel/work/deadlines.ts';
import type { GatewayError } from '../../src/kernel/errors/gateway-error.ts';
import type { Connection } from '../../src/upstream/tunnel-connection.ts';
import type { Tunnel } from '../../src/upstream/transport.ts';
import { TunnelPool, type PoolLimits } from '../../src/upstream/tunnel-pool.ts';
import type { Freshness, Waiter } from '../../src/upstream/waiter.ts';
import { tunnelOver } from './plain-transport.ts';

/** An app that responds to every request at once. */
class FakeTunnel extends Duplex {
  response = 'HTTP/1.1 204 No Content\r\n\r\n';
  override _read(): void {
    // data comes from push()
  }
  override _write(_chunk: Buffer, _encoding: string, callback: () => void): void {
    callback();
    setImmediate(() => this.push(this.response));
  }
  override _final(callback: () => void): void {
    callback();
    this.push(null);
  }
}

interface Dial {
  readonly signal: AbortSignal;
  readonly tunnel: FakeTunnel;
  succeed(): Promise<FakeTunnel>;
  fail(error: Error): Promise<void>;
}

class Caller implements Waiter {
  readonly freshness: Freshness;
  connection: Connection | undefined;
  error: GatewayError | undefined;
  constructor(freshness: Freshness = 'any') {
    this.freshness = freshness;
  }
  get outcome(): string {
    return this.connection === undefined ? (this.error?.code ?? 'none') : 'served';
  }
  ready(connection: Connection): void {
    this.connection = connection;
  }
  failed(error: GatewayError): void {
    this.error = error;
  }
}

export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Runs a whole exchange over a tunnel in use, which then releases it. */
function exchange(connection: Connection): void {
  const request = { method: 'GET', head: Buffer.from('GET / HTTP/1.1\r\n\r\n'), body: undefined, offeredProtocols: '' };
  const ignore = (): void => undefined;
  const handler = { uploading: ignore, uploaded: ignore, informational: ignore, head: ignore, upgrade: ignore };
  connection.http.send(request, { ...handler, data: () => true, end: ignore, fail: ignore });
}

export class PoolBench {
  readonly dials: Dial[] = [];
  readonly pool: TunnelPool;
  nowMs = 0;
  emptied = 0;

  constructor(t: TestContext, limits: Partial<PoolLimits> = {}) {
    mock.timers.enable({ apis: ['setTimeout'] });
    t.after(() => {
      mock.timers.reset();
    });
    const clock = { monotonicMs: () => this.nowMs, wallMs: () => 0 };
    this.pool = new TunnelPool({
      dial: (signal) => this.#dial(signal),
      limits: () => ({ maxIdle: 2, maxActive: 3, maxDialing: 3, maxWaiting: 2, idleTimeoutMs: 90_000, ...limits }),
      clock,
      deadlines: new Deadlines(clock),
      emptied: () => {
        this.emptied += 1;
      },
    });
  }

  tick(ms: number): void {
    this.nowMs += ms;
    mock.timers.tick(ms);
  }

  acquire(freshness?: Freshness): Caller {
    const caller = new Caller(freshness);
    this.pool.acquire(caller, 10_000);
    return caller;
  }

  /** A caller that has obtained its tunnel. */
  async served(freshness?: Freshness): Promise<Caller & { connection: Connection }> {
    const caller = this.acquire(freshness);
    if (caller.connection === undefined) await this.dials.at(-1)?.succeed();
    assert.ok(caller.connection);
    return caller as Caller & { connection: Connection };
  }

  async release(...callers: { connection: Connection }[]): Promise<void> {
    for (const { connection } of callers) exchange(connection);
    await turn();
    await turn();
  }

  #dial(signal: AbortSignal): Promise<Tunnel> {
    const { promise, resolve, reject } = Promise.withResolvers<Tunnel>();
    const tunnel = new FakeTunnel();
    this.dials.push({
      signal,
      tunnel,
      succeed: async () => {
        resolve(tunnelOver(tunnel));
        await turn();
        return tunnel;
      },
      fail: async (error) => {
        reject(error);
        await turn();
      },
    });
    return promise;
  }
}
