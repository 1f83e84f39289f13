import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { GatewayError } from '../../kernel/errors/gateway-error.ts';
import { listen, requestFinished, requestStarted, streamOpened, type RequestFinished } from '../../kernel/events.ts';
import { noHeaders, type CountedDuplex, type Flow, type RequestBody, type Sink } from '../../kernel/http/http.ts';
import { systemClock } from '../../kernel/clock.ts';
import type { WholeResponse } from '../../kernel/http/whole-response.ts';
import type { Dispatch, Exchange } from '../stage.ts';
import { observe } from './observe.ts';

const flow: Flow = { endsByClose: false, pause: () => undefined, resume: () => undefined, abort: () => undefined };
const body: RequestBody = {
  lengthBytes: 5,
  started: true,
  receivedBytes: 5,
  open: () => assert.fail('the body is not read here'),
  trailers: () => noHeaders,
};

/** The parts of an exchange that the stage reads. */
function exchange(over: Partial<Exchange> = {}): Exchange {
  const read: Partial<Exchange> = {
    id: 'r-1',
    kind: 'client',
    req: { method: 'GET', target: '/peer/app/x?key=secret', headers: ['User-Agent', 'test'], upgrade: false },
    body,
    startedMs: 1_000,
    httpVersion: '1.1',
    clientIp: '192.0.2.1',
    route: { kind: 'path', lease: 'app', prefix: '/peer/app', target: '/x?key=secret', bare: false },
    principal: { id: 'k', kind: 'key', scopes: [] },
    destination: undefined,
    outcome: { relay: 'ws://relay.test', startedMs: 1_002, fault: undefined },
    ...over,
  };
  return read as Exchange;
}

class FakeSink implements Sink {
  readonly calls: string[] = [];
  informational(): void {
    this.calls.push('informational');
  }
  respond({ status }: WholeResponse): void {
    this.calls.push(`respond ${status}`);
  }
  head(status: number, _headers: readonly string[], responseFlow: Flow): void {
    this.calls.push(`head ${status}`);
    if (status === 999) responseFlow.abort(new GatewayError('bad_upstream_response', 'x'));
  }
  data(chunk: Uint8Array): boolean {
    this.calls.push(`data ${chunk.length}`);
    return chunk.length < 10;
  }
  end(): void {
    this.calls.push('end');
  }
  upgrade(status: number): void {
    this.calls.push(`upgrade ${status}`);
  }
  fail(error: GatewayError): void {
    this.calls.push(`fail ${error.code}`);
  }
}

class FakePeer extends Duplex implements CountedDuplex {
  bytesSent = 100;
  bytesReceived = 200;
  override _read(): void {
    // the test pushes the data
  }
  override _write(_chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    callback();
  }
}

interface Recorded {
  readonly sink: FakeSink;
  readonly finished: RequestFinished[];
  readonly events: string[];
}

/** The clock stays at 1,010 ms. */
function record(t: TestContext, next: Dispatch, of: Partial<Exchange> = {}): Recorded {
  const recorded: Recorded = { sink: new FakeSink(), finished: [], events: [] };
  const ends = [
    listen(requestStarted, ({ startedMs }) => recorded.events.push(`started ${startedMs}`)),
    listen(streamOpened, ({ kind }) => recorded.events.push(`opened ${kind}`)),
    listen(requestFinished, (event) => recorded.finished.push(event)),
  ];
  t.after(() => {
    for (const end of ends) end();
  });
  observe({ monotonicMs: () => 1_010, wallMs: () => 0 })(next)(exchange(of), recorded.sink);
  return recorded;
}

test('forwards a response unchanged and publishes it once complete', (t) => {
  const { sink, finished, events } = record(t, (_, to) => {
    to.informational(103, noHeaders);
    to.head(200, ['Content-Type', 'text/plain'], flow);
    assert.equal(to.data(Buffer.alloc(3)), true);
    assert.equal(to.data(Buffer.alloc(30)), false);
    to.end(noHeaders);
  });
  assert.deepEqual(sink.calls, ['informational', 'head 200', 'data 3', 'data 30', 'end']);
  assert.deepEqual(events, ['started 1000']);
  assert.deepEqual(finished, [
    {
      requestId: 'r-1',
      startedMs: 1_000,
      durationMs: 10,
      headMs: 10,
      upstreamMs: 8,
      method: 'GET',
      path: '/peer/app/x',
      route: '/peer/:lease/*',
      httpVersion: '1.1',
      clientIp: '192.0.2.1',
      userAgent: 'test',
      keyId: 'k',
      leaseId: undefined,
      relay: 'ws://relay.test',
      status: 200,
      bytesReceived: 5,
      bytesSent: 33,
      stream: undefined,
      outcome: 'complete',
      error: undefined,
    },
  ]);
});

test('an error before the head becomes the response; after the head, the response is cut', (t) => {
  const error = new GatewayError('tunnel_failed', 'x');
  const before = record(t, (_, to) => {
    to.fail(error);
  }).finished[0];
  assert.deepEqual(
    [before?.status, before?.outcome, before?.bytesSent, before?.headMs],
    [502, 'complete', undefined, undefined],
  );
  const after = record(t, (_, to) => {
    to.head(200, noHeaders, flow);
    to.data(Buffer.alloc(3));
    to.fail(error);
  }).finished[0];
  assert.deepEqual([after?.status, after?.outcome, after?.bytesSent, after?.error], [200, 'cut', 3, error]);
});

test('publishes that the client closed the connection', (t) => {
  const left = new GatewayError('client_closed', 'x');
  const early = record(t, (_, to) => {
    to.fail(left);
  }).finished[0];
  assert.deepEqual([early?.status, early?.outcome], [499, 'client_closed']);
  const late = record(t, (_, to) => {
    to.head(200, noHeaders, flow);
    to.fail(left);
  }).finished[0];
  assert.deepEqual([late?.status, late?.outcome], [200, 'client_closed']);
});

test("the server's record of the response status takes precedence", (t) => {
  const fault = new GatewayError('body_too_large', 'x');
  const { finished } = record(t, (of, to) => {
    of.outcome.fault = fault;
    to.fail(new GatewayError('client_closed', 'x'));
  });
  assert.deepEqual([finished[0]?.status, finished[0]?.outcome, finished[0]?.error], [413, 'complete', fault]);
});

test('publishes a response or an upgrade that the server rejects during the call', (t) => {
  const fault = new GatewayError('bad_upstream_response', 'x');
  const short = record(t, (of, to) => {
    to.head(200, noHeaders, flow);
    of.outcome.fault = fault;
    to.end(noHeaders);
  }).finished[0];
  assert.deepEqual([short?.status, short?.outcome, short?.error], [200, 'cut', fault]);
  const { finished, events } = record(t, (of, to) => {
    of.outcome.fault = fault;
    to.upgrade(101, noHeaders, new FakePeer());
  });
  assert.deepEqual([finished[0]?.status, finished[0]?.outcome, events], [502, 'complete', ['started 1000']]);
});

test('if a head cannot be sent, the response sent instead is published', (t) => {
  const { finished } = record(t, (_, to) => {
    to.head(999, noHeaders, {
      ...flow,
      abort: (error) => {
        to.fail(error);
      },
    });
  });
  assert.deepEqual(
    finished.map(({ status, outcome, error }) => [status, outcome, error?.code]),
    [[502, 'complete', 'bad_upstream_response']],
  );
});

test('publishes a stage that throws, and responds with an internal error', (t) => {
  const cause = new TypeError('bug');
  const { sink, finished } = record(t, () => {
    throw cause;
  });
  assert.deepEqual(sink.calls, ['fail internal_error']);
  assert.deepEqual([finished[0]?.status, finished[0]?.error?.cause], [500, cause]);
});

test('publishes an event stream when it begins', (t) => {
  const { events, finished } = record(t, (_, to) => {
    to.head(200, ['content-TYPE', 'Text/Event-Stream; charset=utf-8'], flow);
    to.end(noHeaders);
  });
  assert.deepEqual(events, ['started 1000', 'opened sse']);
  assert.equal(finished[0]?.stream, 'sse');
});

test('publishes an upgraded connection when it ends, with its bytes but without those of the upgrade', async (t) => {
  const peer = new FakePeer();
  peer.push('ahead');
  const { sink, events, finished } = record(
    t,
    (_, to) => {
      to.upgrade(101, noHeaders, peer);
    },
    { req: { method: 'GET', target: '/', headers: ['Upgrade', 'WebSocket'], upgrade: true } },
  );
  assert.deepEqual([sink.calls, events, finished], [['upgrade 101'], ['started 1000', 'opened websocket'], []]);
  peer.bytesSent += 7;
  peer.bytesReceived += 20;
  peer.push(null);
  peer.resume().end();
  await new Promise((resolve) => peer.once('close', resolve));
  const { status, bytesReceived, bytesSent, stream, outcome } = finished[0] ?? assert.fail();
  assert.deepEqual([status, bytesReceived, bytesSent, stream, outcome], [101, 7, 25, 'websocket', 'complete']);
});

test('publishes that an upgraded connection was cut', async (t) => {
  for (const [error, outcome] of [
    [new Error('reset'), 'cut'],
    [undefined, 'client_closed'],
  ] as const) {
    const peer = new FakePeer();
    peer.on('error', () => undefined);
    const { finished } = record(t, (_, to) => {
      to.upgrade(101, noHeaders, peer);
    });
    peer.destroy(error);
    await new Promise((resolve) => peer.once('close', resolve));
    assert.deepEqual([finished[0]?.stream, finished[0]?.outcome], ['upgrade', outcome]);
  }
});

test('the route is one of a few fixed values', (t) => {
  const routeOf = (of: Partial<Exchange>): string | undefined =>
    record(
      t,
      (_, to) => {
        to.end(noHeaders);
      },
      of,
    ).finished[0]?.route;
  const route = { lease: 'app', prefix: '', target: '/', bare: false };
  assert.equal(routeOf({ route: { ...route, kind: 'host' } }), 'host');
  assert.equal(routeOf({ route: { ...route, kind: 'ws' } }), '/ws/:lease');
  assert.equal(routeOf({ route: undefined }), 'other');
});

test('without subscribers uses the sink of the server, and publishes no background exchanges', (t) => {
  const sink = new FakeSink();
  observe(systemClock)((_, to) => {
    assert.equal(to, sink);
  })(exchange(), sink);
  record(
    t,
    (_, to) => {
      assert.ok(to instanceof FakeSink);
    },
    { kind: 'background' },
  );
});
