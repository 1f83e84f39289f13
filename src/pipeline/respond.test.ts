// A stage may respond itself behind the stages that track a request until its end: respond() ends
// the request for them, as end() does.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { testPolicy } from '../../test/helpers/policy.ts';
import { Admission } from '../guard/admission.ts';
import { systemClock as clock } from '../kernel/clock.ts';
import { systemClock } from '../kernel/clock.ts';
import { GatewayError } from '../kernel/errors/gateway-error.ts';
import { listen, requestFinished, type RequestFinished } from '../kernel/events.ts';
import type { Sink } from '../kernel/http/http.ts';
import { jsonResponse, type WholeResponse } from '../kernel/http/whole-response.ts';
import { Cancellation } from '../kernel/work/cancellation.ts';
import { Deadlines } from '../kernel/work/deadlines.ts';
import { LocalLimiter } from '../limits/local-limiter.ts';
import { MemoryLimiter } from '../limits/memory-limiter.ts';
import { QuotaLedger } from '../limits/quotas/quota-ledger.ts';
import type { Dispatch, Exchange } from './stage.ts';
import { admit } from './stages/admit.ts';
import { limits } from './stages/limits.ts';
import { observe } from './stages/observe.ts';
import { totalTimeout } from './stages/total-timeout.ts';

const response = jsonResponse(200, { a: 1 });
const respond: Dispatch = (_, sink) => {
  sink.respond(response);
};
const principal = { id: 'test', kind: 'key', scopes: [] } as const;

/** The parts of an exchange that the stages use. */
function exchange(more: Partial<Exchange> = {}): Exchange {
  const parts: Partial<Exchange> = {
    ...{
      id: 'r',
      kind: 'client',
      policy: testPolicy(),
      clientIp: '192.0.2.1',
      startedMs: clock.monotonicMs(),
      principal,
    },
    req: { method: 'GET', target: '/peer/app/', headers: [], upgrade: false },
    body: { receivedBytes: 0 } as Exchange['body'],
    ...{ cancellation: new Cancellation(), responseHeaders: [] },
    outcome: { relay: undefined, startedMs: 0, fault: undefined },
  };
  return { ...parts, ...more } as Exchange;
}

/** A client's sink that records its terminal calls. */
function recorder(onRespond?: () => void): { readonly sink: Sink; readonly calls: string[] } {
  const calls: string[] = [];
  const sink: Partial<Sink> = {
    respond: ({ status }: WholeResponse) => {
      calls.push(`respond ${status}`);
      onRespond?.();
    },
    fail: ({ code }) => calls.push(`fail ${code}`),
  };
  return { sink: sink as Sink, calls };
}

function finished(t: TestContext): RequestFinished[] {
  const events: RequestFinished[] = [];
  t.after(listen(requestFinished, (event) => events.push(event)));
  return events;
}

test('observe publishes the status and the bytes', (t) => {
  const events = finished(t);
  const { sink, calls } = recorder();
  observe(systemClock)(respond)(exchange(), sink);
  assert.deepEqual(calls, ['respond 200']);
  assert.deepEqual(
    events.map(({ status, bytesSent, outcome }) => [status, bytesSent, outcome]),
    [[200, response.body.length, 'complete']],
  );
});

test('observe publishes the error that the server sends instead', (t) => {
  const events = finished(t);
  const of = exchange();
  const { sink } = recorder(() => {
    of.outcome.fault = new GatewayError('invalid_request', 'x');
  });
  observe(systemClock)(respond)(of, sink);
  assert.deepEqual(
    events.map(({ status, bytesSent, error }) => [status, bytesSent, error?.code]),
    [[400, undefined, 'invalid_request']],
  );
});

test('admit frees the place in flight', () => {
  const admission = new Admission();
  const ledger = new QuotaLedger({ clock });
  const limiter = new LocalLimiter(new MemoryLimiter({ clock }), ledger);
  const seen: number[] = [];
  const { sink } = recorder(() => seen.push(admission.inFlight));
  admit({ admission, limiter, deadlines: new Deadlines(clock) })(respond)(exchange(), sink);
  assert.deepEqual([...seen, admission.inFlight], [1, 0]);
});

test('totalTimeout stops its clock', async () => {
  const destination = { timeouts: { totalMs: 20 } } as Exchange['destination'];
  const { sink, calls } = recorder();
  totalTimeout(new Deadlines(clock), clock)(respond)(exchange({ destination }), sink);
  await setTimeout(60);
  assert.deepEqual(calls, ['respond 200']);
});

test('limits charges the bytes to the quota', () => {
  const ledger = new QuotaLedger({ clock });
  const limiter = new LocalLimiter(new MemoryLimiter({ clock }), ledger);
  const policy = testPolicy({
    quotas: { daily: { test: { bytes: 1_000 } } },
  });
  const { sink } = recorder();
  limits(limiter, ledger, clock)(respond)(exchange({ policy }), sink);
  const of = exchange({ policy });
  limits(limiter, ledger, clock)(() => undefined)(of, recorder().sink);
  assert.ok(of.responseHeaders.some((value) => value.includes(`"daily-bytes";r=${1_000 - response.body.length}`)));
});
