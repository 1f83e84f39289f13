// Clock skew between the three machines: everything that can work works without a gap, and all
// other errors state the skew.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { clockCompared, listen, type ClockCompared } from '../../src/kernel/events.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { ClockSkewError, connect, createCredential, PortalError } from '../../src/portal/index.ts';
import { startRelay } from '../helpers/relay-bench.ts';
import { startClockPath, type ClockPath, type Skews } from '../helpers/clock-path.ts';

const right: Skews = { relay: 0, expose: 0, gateway: 0 };
const sizes = [5, 25, 40, 300].flatMap((size) => [size, -size]);
/** Dates and timestamps are whole seconds, and the machine may be busy. */
const slackSeconds = 3;

function compared(t: TestContext): ClockCompared[] {
  const events: ClockCompared[] = [];
  t.after(listen(clockCompared, (event) => events.push(event)));
  return events;
}

function assertNear(actual: number | undefined, expected: number): void {
  assert.ok(Math.abs((actual ?? NaN) - expected) <= slackSeconds, `${actual} is not near ${expected}`);
}

/** The relay keeps the lease until the next renewal, 10 s after the last one. */
function assertNoGap(path: ClockPath, refused = 0): void {
  path.pass(9);
  assert.equal(path.relay.counts().leases, 1);
  const count = (wanted: string): number => path.relayEvents.filter(({ event }) => event === wanted).length;
  assert.deepEqual([count('lease_dropped'), count('lease_refused')], [0, refused]);
}

for (const skew of sizes) {
  test(`relay ${skew} s: requests work, and both sides know the difference`, async (t) => {
    const events = compared(t);
    const path = await startClockPath(t, { ...right, relay: skew });
    assert.deepEqual(await path.call(), { status: 200 });
    assertNoGap(path);
    assertNear(events.find(({ leaseId }) => leaseId === undefined)?.skewSeconds, -skew);
    const measured = path.exposeEvents.find((event) => event.type === 'clock_measured');
    assertNear((measured?.skewMs ?? NaN) / 1_000, -skew);
  });

  for (const side of ['expose', 'gateway'] as const) {
    const works = Math.abs(skew) <= 30;
    test(`${side} ${skew} s: ${works ? 'requests work' : 'clock_skew with the difference, and 200 once the clock is right'}`, async (t) => {
      const events = compared(t);
      const skews = { ...right, [side]: skew };
      const path = await startClockPath(t, skews);
      if (works) assert.deepEqual(await path.call(), { status: 200 });
      else {
        const { status, code, detail = '' } = await path.call();
        assert.deepEqual([status, code], [502, 'clock_skew']);
        const gatewaySkew = side === 'gateway' ? skew : -skew;
        const [, size, direction] =
          /The clock of the gateway is (\d+) s (behind|ahead of) the app's/.exec(detail) ?? [];
        assertNear(Number(size), Math.abs(skew));
        assert.equal(direction, gatewaySkew < 0 ? 'behind' : 'ahead of');
        const refused = path.exposeEvents.find((event) => event.type === 'client_refused');
        assert.equal(refused?.reason, 'clock_skew');
        assertNear(refused.skewSeconds, -gatewaySkew);
        assertNear(events.find(({ leaseId }) => leaseId === path.leaseId)?.skewSeconds, gatewaySkew);
        skews[side] = 0;
        assert.deepEqual(await path.call(), { status: 200 });
      }
      assertNoGap(path);
    });
  }
}

test('learns the time of a relay whose upgrade has no Date from another response', async (t) => {
  const rewrite = (head: string): string =>
    head.startsWith('HTTP/1.1 101') ? head.replace(/\r\nDate: [^\r]*/, '') : head;
  const path = await startClockPath(t, { ...right, expose: -300 }, { rewrite });
  assertNoGap(path);
});

test('publishes to a relay behind a proxy that writes another Date', async (t) => {
  const wrong = new Date(Date.now() - 100_000).toUTCString();
  const rewrite = (head: string): string => head.replace(/\r\nDate: [^\r]*/i, `\r\nDate: ${wrong}`);
  const path = await startClockPath(t, { ...right }, { rewrite });
  assert.deepEqual(await path.call(), { status: 200 });
  // From its Date header, and from that of a second response.
  assertNoGap(path, 2);
});

test('a step of the relay’s clock causes no gap, whatever the clock of expose', async (t) => {
  for (const expose of [0, -40]) {
    const skews = { ...right, expose };
    const path = await startClockPath(t, skews, { renewEveryMs: 100 });
    const session = await connect(path.url, { credential: createCredential() });
    t.after(() => session.close());
    skews.relay = 300;
    // By the relay's new time the lease then lasts for at least 30 s.
    const renewed = Date.now() + 300_000;
    const deadline = AbortSignal.timeout(20_000);
    for (;;) {
      const { leases } = await session.info(deadline);
      assert.equal(leases.length, 1, 'listed at every moment');
      if ((leases[0]?.expiresAtMs ?? 0) > renewed) break;
    }
    assert.equal(path.exposeEvents.filter(({ type }) => type === 'publish_failed').length, 0);
    assert.equal((await path.call()).status, expose === 0 ? 200 : 502);
  }
});

test('a handshake ended by the app without a response is clock_skew if our own clock is off', async (t) => {
  const bench = await startRelay(t);
  const app = await bench.peer();
  await app.register();
  for (const end of ['end', 'reset'] as const) {
    for (const [skew, code] of [
      [0, 'lease_refused'],
      [25, 'lease_refused'],
      [40, 'clock_skew'],
      [-300, 'clock_skew'],
    ] as const) {
      const clock = { ...systemClock, wallMs: () => Date.now() + skew * 1_000 };
      const session = await connect(bench.url, { credential: createCredential(), clock });
      t.after(() => session.close());
      const dialled = session.dial(app.id, { alpn: 'http/1.1', signal: AbortSignal.timeout(20_000) });
      // Go apps do this when they reject a timestamp.
      const atApp = await app.respond(1);
      await atApp.read(4);
      atApp.pipe[end]();
      await assert.rejects(dialled, (error: unknown) => {
        assert.ok(error instanceof PortalError);
        assert.equal(error.code, code, `${end} ${skew}`);
        if (error instanceof ClockSkewError) assertNear(error.skewSeconds, skew);
        return true;
      });
    }
  }
});
