import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectFault, connectTimeoutFault } from '../../expose/app/app-fault.ts';
import { parseTarget } from '../../expose/app/target.ts';
import {
  ClockSkewError,
  LeaseRejected,
  PortalError,
  type PortalErrorCode,
  type RelayClientEvent,
} from '../../portal/index.ts';
import { ExposeNotes } from './expose-notes.ts';
import { exposeOutput } from './expose-output.ts';

const relay = 'ws://relay.test/relay';
const published: RelayClientEvent = { type: 'published', relay, leaseId: 'ABC', name: 'demo' };

interface Record {
  notes: ExposeNotes;
  results: string[];
  lines: string[];
  gaveUp: () => Promise<string>;
  pass: (ms: number) => void;
}

function record(): Record {
  const results: string[] = [];
  const lines: string[] = [];
  const terminal = {
    bothWatched: false,
    result: (line: string) => results.push(line),
    note: (line: string) => lines.push(line),
  };
  const notes = new ExposeNotes(
    exposeOutput(terminal, {}),
    { target: parseTarget('3000'), servers: 'Gateways on this relay serve it' },
    () => nowMs,
    () => nowMs,
  );
  let nowMs = 0;
  let code = 'no';
  notes.hopeless.catch((error: unknown) => (code = (error as PortalError).code));
  const gaveUp = (): Promise<string> =>
    new Promise((resolve) =>
      setImmediate(() => {
        resolve(code);
      }),
    );
  const pass = (ms: number): void => {
    nowMs += ms;
  };
  return { notes, results, lines, gaveUp, pass };
}

function failed(code: PortalErrorCode): RelayClientEvent {
  return { type: 'attempt_failed', relay, error: new PortalError(code, `fault ${code}`), retryInMs: 500 };
}

test('prints one result line per relay, however often it reconnects', () => {
  const { notes, results, lines } = record();
  notes.relayEvent({ type: 'up', relay });
  notes.relayEvent(published);
  notes.relayEvent({ type: 'down', relay, error: new PortalError('carrier_closed', 'it closed') });
  notes.relayEvent(published);
  assert.deepEqual(results, [`demo ABC ${relay}`]);
  assert.deepEqual(lines, [
    `Published http://localhost:3000 as "demo" on ${relay}.`,
    'Its lease is ABC. Gateways on this relay serve it at /peer/demo/ and /peer/ABC/',
    `Lost ${relay}: it closed. Reconnecting.`,
    `Published http://localhost:3000 as "demo" on ${relay}.`,
  ]);
});

test('reports an unreachable relay once and keeps waiting for it', async () => {
  const { notes, lines, gaveUp } = record();
  for (let i = 0; i < 5; i += 1) notes.relayEvent(failed('relay_unreachable'));
  assert.deepEqual(lines, ['Not connected: fault relay_unreachable. Retrying.']);
  notes.relayEvent({ type: 'up', relay });
  notes.relayEvent(failed('relay_unreachable'));
  assert.equal(lines.length, 2);
  assert.equal(await gaveUp(), 'no');
});

for (const code of ['not_a_relay', 'relay_tls'] as const) {
  test(`${code} is fatal at first, and retried after the first success`, async () => {
    const first = record();
    first.notes.relayEvent(failed(code));
    assert.equal(await first.gaveUp(), code);
    const later = record();
    later.notes.relayEvent(published);
    later.notes.relayEvent(failed(code));
    assert.equal(await later.gaveUp(), 'no');
  });
}

for (const event of [
  { type: 'attempt_failed', error: new PortalError('not_a_relay', 'HTTP 404'), retryInMs: 500 },
  { type: 'publish_failed', name: 'demo', error: new PortalError('lease_refused', 'code 5') },
] as const) {
  test(`a relay that never accepted the lease does not stop publishing on another relay: ${event.error.code}`, async () => {
    const { notes, lines, gaveUp } = record();
    notes.relayEvent(published);
    notes.relayEvent({ ...event, relay: 'ws://other.test/relay' });
    assert.equal(await gaveUp(), 'no');
    assert.equal(lines.length, 3);
    assert.match(lines[2] ?? '', /(?:HTTP 404|code 5).* Retrying\.$/);
  });
}

/** A publish_failed event; `holder`: the lease id that the relay lists under the name. */
function rejected(holder?: string): RelayClientEvent {
  const error = new LeaseRejected(
    'the relay rejected it',
    holder === undefined ? undefined : { id: holder, expiresAtMs: 90_000 },
  );
  return { type: 'publish_failed', relay, name: 'demo', error };
}

test('a name held by another identity never ends the command: one line per holder, then one every ten minutes', async () => {
  const { notes, lines, gaveUp, pass } = record();
  notes.relayEvent(rejected('HOLDER'));
  pass(30_000);
  notes.relayEvent(rejected('HOLDER'));
  // The relay did not list its leases this time.
  notes.relayEvent(rejected());
  notes.relayEvent(rejected('OTHER'));
  pass(600_000);
  notes.relayEvent(rejected('OTHER'));
  const line = (holder: string, since: string): string =>
    `"demo" is held on ${relay} by the lease ${holder}, since 1970-01-01T00:${since}Z or earlier; ` +
    'that lease expires at 1970-01-01T00:01:30Z unless it is renewed. Retrying.';
  assert.deepEqual(lines, [line('HOLDER', '00:00'), line('OTHER', '00:30'), line('OTHER', '00:30')]);
  assert.equal(await gaveUp(), 'no');
  notes.relayEvent(published);
  notes.relayEvent(rejected('OTHER'));
  assert.match(lines.at(-1) ?? '', /since 1970-01-01T00:10:30Z/);
});

test('prints the reason of a rejection without a holder, and hostile ids and dates do no harm', () => {
  const { notes, lines } = record();
  notes.relayEvent(rejected());
  assert.deepEqual(lines, [`the relay rejected it (${relay}). Retrying.`]);
  const error = new LeaseRejected('', { id: '\u001b[2J', expiresAtMs: 1e300 });
  notes.relayEvent({ type: 'publish_failed', relay, name: 'demo', error });
  assert.match(lines[1] ?? '', /the lease \[2J, since .* expires at an unknown time/);
});

test('prints one line every ten minutes while another process also publishes the lease', () => {
  const { notes, lines, pass } = record();
  const contested = { type: 'lease_contested', relay, leaseId: 'ABC', name: 'demo', expiresAtMs: 30_000 } as const;
  for (let i = 0; i < 10; i += 1) {
    notes.relayEvent(contested);
    pass(10_000);
  }
  assert.equal(lines.length, 1);
  assert.match(
    lines[0] ?? '',
    /^Another process publishes "demo" on \S+ with the same identity .*keep taking the lease from each other/,
  );
  pass(600_000);
  notes.relayEvent(contested);
  assert.equal(lines.length, 2);
});

test('reports an app that accepts no connection once it is clear that the command continues', () => {
  const refused = connectFault(Object.assign(new Error(), { code: 'ECONNREFUSED' }));
  const early = record();
  early.notes.targetLost(refused, true);
  assert.deepEqual(early.lines, []);
  early.notes.relayEvent(failed('not_a_relay'));
  assert.deepEqual(early.lines, []);
  early.notes.relayEvent({ type: 'up', relay });
  early.notes.relayEvent({ type: 'up', relay });
  assert.deepEqual(early.lines, [
    'Nothing listens on http://localhost:3000 yet; requests get 502 until something does.',
  ]);
  const late = record();
  late.notes.relayEvent(failed('relay_unreachable'));
  late.notes.targetLost(connectTimeoutFault(), true);
  assert.match(
    late.lines[1] ?? '',
    /^http:\S+ does not respond \(no connection within 10 s\); requests get 502 until it does\.$/,
  );
});

test('prints the reason for a request that the app failed to answer, without the query', () => {
  const { notes, lines } = record();
  const failed = { type: 'target_failed', method: 'GET', path: '/a' } as const;
  notes.exposeEvent({ ...failed, outcome: 502, failure: 'unreachable', reason: 'ECONNREFUSED' });
  notes.exposeEvent({ ...failed, outcome: 502, failure: 'not_http', reason: 'The status line is malformed' });
  notes.exposeEvent({ ...failed, outcome: 'cut', failure: 'incomplete', reason: 'ECONNRESET' });
  notes.exposeEvent({ ...failed, outcome: 504, failure: 'too_late', reason: 'no response within 10 minutes' });
  assert.deepEqual(lines, [
    '502 GET /a: http://localhost:3000 does not respond (ECONNREFUSED).',
    '502 GET /a: the response of http://localhost:3000 is not HTTP (The status line is malformed).',
    'cut GET /a: http://localhost:3000 ended the connection in the middle of its response (ECONNRESET).',
    '504 GET /a: http://localhost:3000 did not begin its response in time (no response within 10 minutes).',
  ]);
});

test('prints one line a minute for excess bytes after responses, with the number of suppressed lines', () => {
  const { notes, lines, pass } = record();
  const excess = { type: 'target_excess', method: 'GET', path: '/204-body' } as const;
  for (let i = 0; i < 100; i += 1) notes.exposeEvent(excess);
  assert.deepEqual(lines, [
    'http://localhost:3000 sent bytes after the end of its response to GET /204-body. The response was forwarded, and the connection was closed.',
  ]);
  pass(60_000);
  notes.exposeEvent(excess);
  assert.match(lines[1] ?? '', /closed\. 99 more since the last such line\.$/);
});

test('an app that is down does not flood the terminal, and other failures still appear', () => {
  const { notes, lines, pass } = record();
  const failed = { type: 'target_failed', method: 'GET', path: '/a', outcome: 502 } as const;
  const down = { ...failed, failure: 'unreachable', reason: 'ECONNREFUSED' } as const;
  for (let i = 0; i < 1000; i += 1) notes.exposeEvent(down);
  assert.equal(lines.length, 20);
  notes.exposeEvent({ ...failed, failure: 'not_http', reason: 'The status line is malformed' });
  assert.match(lines[20] ?? '', /is not HTTP/);
  pass(10_000);
  notes.exposeEvent(down);
  notes.exposeEvent(down);
  assert.deepEqual(lines.slice(21), [
    '502 GET /a: http://localhost:3000 does not respond (ECONNREFUSED). 980 more since the last such line.',
  ]);
});

test('neither refused requests nor refused connections flood the terminal', () => {
  const { notes, lines } = record();
  for (let i = 0; i < 1000; i += 1) {
    notes.exposeEvent({ type: 'assertion_refused', fault: 'missing' });
    notes.exposeEvent({ type: 'tunnel_refused', openTunnels: 2000 });
  }
  assert.equal(lines.length, 40);
  assert.match(lines.at(-1) ?? '', /2000 are already open.*--max-tunnels/);
});

test('prints a line when a clock difference begins and ends, and never ends the command for it', async () => {
  const { notes, lines, gaveUp } = record();
  const measured = (skewSeconds: number): void => {
    notes.relayEvent({ type: 'clock_measured', relay, skewMs: skewSeconds * 1_000 });
  };
  for (const skewSeconds of [5, -40, -40.2, 0]) measured(skewSeconds);
  assert.match(
    lines[0] ?? '',
    /^ws:\/\/relay\.test\/relay: the clock of this machine is 40 s behind the relay's; .*\.$/,
  );
  assert.match(lines[1] ?? '', /the clock of this machine agrees with the relay's again\.$/);
  assert.equal(lines.length, 2);
  const error = new ClockSkewError('relay', undefined, 'the relay refused the lease "demo"');
  notes.relayEvent({ type: 'publish_failed', relay, name: 'demo', error });
  assert.match(lines[2] ?? '', /^the clock of this machine differs from the relay's by more than 30 s: .*Retrying\.$/);
  assert.equal(await gaveUp(), 'no');
});
