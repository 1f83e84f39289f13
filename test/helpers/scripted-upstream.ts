// The upstream module over tunnels that the test scripts, with the outcome of each request.
import assert from 'node:assert/strict';
import type { PassThrough } from 'node:stream';
import type { TestContext } from 'node:test';
import { Cancellation } from '../../src/kernel/work/cancellation.ts';
import { systemClock, type Clock } from '../../src/kernel/clock.ts';
import { noHeaders, type Flow, type RequestBody, type Sink } from '../../src/kernel/http/http.ts';
import type { Lease, Transport, Tunnel } from '../../src/upstream/transport.ts';
import type { PoolLimits } from '../../src/upstream/tunnel-pool.ts';
import { Upstream } from '../../src/upstream/upstream.ts';
import { ScriptedPipe } from './scripted-pipe.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const lease: Lease = { id: 'A'.repeat(26), name: 'app', alpn: [], metadata: '', expiresAtMs: 0 };

/** A whole response. */
export const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

export const noBody: RequestBody = {
  lengthBytes: 'none',
  started: false,
  receivedBytes: 0,
  open: () => assert.fail('there is no body'),
  trailers: () => noHeaders,
};

export function bodyOf(stream: PassThrough, lengthBytes: number | null): RequestBody {
  return { lengthBytes, started: false, receivedBytes: 0, open: () => stream, trailers: () => noHeaders };
}

export class TunnelPipe extends ScriptedPipe {
  readonly peerId = null;
}

export interface SentRequest {
  /** The final status or the error code; 'none' while pending. */
  outcome: number | string;
  /** Resolves with the outcome. */
  readonly settled: Promise<number | string>;
  /** Set once the head has arrived. */
  flow: Flow | undefined;
  body: string;
  /** The client accepts no more data for now. */
  slow: boolean;
}

interface Options {
  readonly body?: RequestBody;
  readonly offeredProtocols?: string;
}

/** The upstream module over tunnels in memory. */
export class MemoryUpstream {
  readonly #upstream: Upstream;
  readonly #transport: Transport;

  constructor(t: TestContext, dial: () => Promise<Tunnel>, clock: Clock = systemClock, more: Partial<PoolLimits> = {}) {
    const limits = { maxIdle: 10, maxActive: 10, maxDialing: 10, maxWaiting: 10, idleTimeoutMs: 90_000, ...more };
    this.#upstream = new Upstream({ clock, limits: () => limits });
    t.after(() => {
      this.#upstream.close();
    });
    this.#transport = {
      relay: 'memory://test',
      rttMs: undefined,
      state: () => 'up',
      list: () => Promise.resolve([lease]),
      dial,
      ready: () => Promise.resolve(),
      close: () => Promise.resolve(),
    };
  }

  /** All its timeouts are ten seconds. */
  send(method: string, { body = noBody, offeredProtocols = '' }: Options = {}): SentRequest {
    const { promise: settled, resolve } = Promise.withResolvers<number | string>();
    const result: SentRequest = { outcome: 'none', settled, flow: undefined, body: '', slow: false };
    let status = 0;
    const settle = (outcome: number | string): void => {
      assert.equal(result.outcome, 'none');
      result.outcome = outcome;
      resolve(outcome);
    };
    const sink: Sink = {
      informational: () => undefined,
      respond: () => assert.fail('a response of the gateway'),
      head: (received, _headers, flow) => {
        status = received;
        result.flow = flow;
      },
      data: (chunk) => {
        result.body += Buffer.from(chunk).toString('latin1');
        return !result.slow;
      },
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
        attempt: { relay: undefined, startedMs: 0 },
        leaseGone: () => undefined,
        elsewhere: () => Promise.resolve(undefined),
      },
      sink,
    );
    return result;
  }
}

export class ScriptedUpstream extends MemoryUpstream {
  readonly tunnels: TunnelPipe[] = [];
  /** Delays dials until this promise settles. */
  dialsAfter: Promise<unknown> | undefined;

  constructor(t: TestContext, clock?: Clock, more?: Partial<PoolLimits>) {
    const dial = async (): Promise<Tunnel> => {
      await this.dialsAfter;
      const tunnel = new TunnelPipe();
      this.tunnels.push(tunnel);
      return tunnel;
    };
    super(t, dial, clock, more);
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
