import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { connectionRefused, tlsHandshakeFailed } from '../../kernel/events.ts';
import { writeConnectionLog } from './connection-log.ts';
import { createLogger } from './log.ts';

interface Bench {
  /** Level, message, reason, address, count. */
  readonly lines: unknown[][];
  readonly end: () => void;
}

function bench(t: TestContext): Bench {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const lines: unknown[][] = [];
  const end = writeConnectionLog(
    createLogger('info', (line) => {
      const { level, message, reason, client_ip: ip, count } = JSON.parse(line) as Record<string, unknown>;
      lines.push([level, message, reason, ip, count]);
    }),
    60_000,
  );
  t.after(end);
  return { lines, end };
}

test('of ten thousand refused connections, logs the first and then one line a minute', (t) => {
  const { lines } = bench(t);
  for (let i = 0; i < 10_000; i += 1)
    connectionRefused.publish({ ip: `192.0.2.${i % 250}`, reason: 'max_connections' });
  assert.deepEqual(lines, [['warn', 'connection refused', 'max_connections', '192.0.2.0', undefined]]);
  t.mock.timers.tick(60_000);
  assert.deepEqual(lines.slice(1), [['warn', 'connection refused', 'max_connections', '192.0.2.249', 9_999]]);
  // A quiet minute ends the interval: the next refusal is logged at once.
  t.mock.timers.tick(60_000);
  connectionRefused.publish({ ip: '192.0.2.7', reason: 'max_connections' });
  assert.deepEqual(lines.slice(2), [['warn', 'connection refused', 'max_connections', '192.0.2.7', undefined]]);
});

test('logs each reason separately, for a limited number of reasons', (t) => {
  const { lines } = bench(t);
  for (let i = 0; i < 1_000; i += 1) tlsHandshakeFailed.publish({ ip: '192.0.2.1', code: `ERR_SSL_${i}` });
  const reasons = lines.map(([, , reason]) => reason);
  assert.deepEqual(reasons, [...Array.from({ length: 50 }, (_, i) => `ERR_SSL_${i}`), 'other']);
  assert.deepEqual(lines[0], ['info', 'TLS handshake failed', 'ERR_SSL_0', '192.0.2.1', undefined]);
});

test('closing logs connections that were counted but not logged yet', (t) => {
  const { lines, end } = bench(t);
  for (let i = 0; i < 3; i += 1) tlsHandshakeFailed.publish({ ip: '192.0.2.1', code: 'CLIENT_CLOSED' });
  end();
  assert.deepEqual(lines[1], ['info', 'TLS handshake failed', 'CLIENT_CLOSED', '192.0.2.1', 2]);
  tlsHandshakeFailed.publish({ ip: '192.0.2.1', code: 'CLIENT_CLOSED' });
  assert.equal(lines.length, 2);
});
