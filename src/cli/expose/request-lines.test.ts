import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { ServedRequestEvent } from '../../expose/request-meter.ts';
import { RequestLines } from './request-lines.ts';

interface Bench {
  readonly requests: RequestLines;
  readonly lines: string[];
  readonly pass: (ms: number) => void;
}

const startMs = Date.UTC(2026, 0, 2, 3, 4, 5, 67);

function bench(t: TestContext): Bench {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const lines: string[] = [];
  let nowMs = 0;
  const clock = { monotonicMs: () => nowMs, wallMs: () => startMs + nowMs };
  const requests = new RequestLines((line) => lines.push(line), clock);
  const pass = (ms: number): void => {
    nowMs += ms;
    t.mock.timers.tick(ms);
  };
  return { requests, lines, pass };
}

const request: ServedRequestEvent = {
  method: 'GET',
  path: '/',
  status: 200,
  durationMs: 12.3,
  bytesReceived: 0,
  bytesSent: 0,
  stream: undefined,
  outcome: 'complete',
};

/** Removes the time. */
function rest(line: string | undefined): string {
  const [, text = ''] = /^\d\d:\d\d:05\.067 (.*)$/.exec(line ?? '') ?? assert.fail(line);
  return text;
}

test('a line has time, method, path, status, milliseconds and bytes', (t) => {
  const { requests, lines } = bench(t);
  const rows: [Partial<ServedRequestEvent>, string][] = [
    [{}, 'GET / 200 12 ms 0 B'],
    [{ method: 'POST', path: '/a/b', status: 404, durationMs: 0.04, bytesSent: 999 }, 'POST /a/b 404 0.0 ms 999 B'],
    [{ durationMs: 9.96, bytesSent: 1_000 }, 'GET / 200 10.0 ms 1.0 kB'],
    [{ durationMs: 123_456.7, bytesSent: 999_949 }, 'GET / 200 123457 ms 999.9 kB'],
    [{ bytesSent: 999_950 }, 'GET / 200 12 ms 1.0 MB'],
    [{ bytesSent: 12_345_678_901 }, 'GET / 200 12 ms 12.3 GB'],
    [{ bytesSent: 5e18 }, 'GET / 200 12 ms 5000000.0 TB'],
    [{ outcome: 'cut', bytesSent: 5 }, 'GET / 200 12 ms 5 B (cut)'],
    [{ outcome: 'client_closed', status: 499 }, 'GET / 499 12 ms 0 B (the caller disconnected)'],
    // The request could not be read.
    [{ method: '', path: '', status: 400 }, '- - 400 12 ms 0 B'],
  ];
  for (const [event, text] of rows) {
    requests.finished({ ...request, ...event });
    assert.equal(rest(lines.at(-1)), text);
  }
  requests.opened({ ...request, stream: 'upgrade', status: 101 });
  assert.equal(rest(lines.at(-1)), 'GET / 101 12 ms open');
});

test('a path is bounded, cannot move the cursor, and shows no key', (t) => {
  const { requests, lines } = bench(t);
  const pathOf = (path: string, method = 'GET'): string => {
    requests.finished({ ...request, path, method });
    return rest(lines.at(-1)).slice(0, -' 200 12 ms 0 B'.length);
  };
  assert.equal(pathOf('/\u001b[2J\u009b1m\r\nx'), 'GET /[2J\ufffd1mx');
  assert.equal(pathOf(Buffer.from('/größe/\u202e').toString('latin1')), 'GET /größe/');
  assert.equal(pathOf(`/sk_live_${'a'.repeat(40)}/x`), 'GET /sk_live_***/x');
  assert.equal(pathOf(`/${'a'.repeat(9_000)}`), `GET /${'a'.repeat(198)}…`);
  assert.equal(pathOf('/', 'M'.repeat(9_000)), `${'M'.repeat(31)}… /`);
});

test('a flood costs at most 20 lines a second after the first 200, and is summed up', (t) => {
  const { requests, lines, pass } = bench(t);
  for (let i = 0; i < 1_000; i += 1) requests.finished(request);
  assert.equal(lines.length, 200);
  requests.finished({ ...request, status: 502 });
  requests.finished({ ...request, outcome: 'cut' });
  pass(1_000);
  assert.match(lines[200] ?? '', /^\d\d:\d\d:06\.067 802 more requests, 2 of them failed$/);
  pass(10_000);
  assert.equal(lines.length, 201);
  for (let i = 0; i < 500; i += 1) requests.finished(request);
  assert.equal(lines.length, 401);
  requests.close();
  requests.close();
  assert.match(lines[401] ?? '', / 300 more requests$/);
  assert.equal(lines.length, 402);
});

test('one omitted request is not plural', (t) => {
  const { requests, lines, pass } = bench(t);
  for (let i = 0; i < 201; i += 1) requests.finished(request);
  pass(1_000);
  assert.match(lines[200] ?? '', / 1 more request$/);
});
