import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ServedRequestEvent } from '../../expose/request-meter.ts';
import { exposeOutput, type ExposeOutput, type ExposeOutputOptions } from './expose-output.ts';

const nowMs = Date.UTC(2026, 0, 2, 3, 4, 5, 67);
const time = '2026-01-02T03:04:05.067Z';

interface Bench {
  readonly output: ExposeOutput;
  readonly results: string[];
  readonly notes: string[];
}

function bench(options: ExposeOutputOptions, bothWatched = false): Bench {
  const results: string[] = [];
  const notes: string[] = [];
  const terminal = {
    bothWatched,
    result: (line: string) => void results.push(line),
    note: (line: string) => void notes.push(line),
  };
  const output = exposeOutput(terminal, options, { monotonicMs: () => 0, wallMs: () => nowMs });
  return { output, results, notes };
}

const request: ServedRequestEvent = {
  method: 'GET',
  path: '/a',
  status: 200,
  durationMs: 1.23456,
  bytesReceived: 1,
  bytesSent: 2,
  stream: undefined,
  outcome: 'complete',
};

function printAll({ output }: Bench): void {
  output.published({ name: 'demo', leaseId: 'ABC', relay: 'ws://r' });
  output.line({
    event: 'published',
    level: 'info',
    text: 'Published.',
    hint: 'At /peer/',
    fields: { relay: 'ws://r' },
  });
  output.line({ event: 'app_returned', level: 'info', text: 'It is back.' });
  output.line({ event: 'relay_lost', level: 'warn', text: 'Lost.', fields: { relay: 'ws://r' }, omitted: 3 });
  output.requests?.opened({ ...request, stream: 'sse' });
  output.requests?.finished({ ...request, stream: 'sse' });
}

const lost = 'Lost. 3 more since the last such line.';
const requestLines = [/ GET \/a 200 1\.2 ms open$/, / GET \/a 200 1\.2 ms 2 B$/];

for (const bothWatched of [true, false]) {
  test(`text: messages and requests are notes, the result is a line only for scripts (${bothWatched ? 'terminal' : 'pipe'})`, () => {
    const b = bench({}, bothWatched);
    printAll(b);
    assert.deepEqual(b.results, bothWatched ? [] : ['demo ABC ws://r']);
    assert.deepEqual(b.notes.slice(0, 4), ['Published.', 'At /peer/', 'It is back.', lost]);
    for (const [i, line] of requestLines.entries()) assert.match(b.notes[4 + i] ?? '', line);
  });
}

test('--quiet prints warnings and the result, and observes no request', () => {
  for (const bothWatched of [true, false]) {
    const b = bench({ quiet: true }, bothWatched);
    printAll(b);
    assert.deepEqual(b.notes, [lost]);
    assert.deepEqual(b.results, ['demo ABC ws://r']);
    assert.equal(b.output.requests, undefined);
  }
});

const json = {
  published: { time, level: 'info', event: 'published', message: 'Published.', relay: 'ws://r' },
  returned: { time, level: 'info', event: 'app_returned', message: 'It is back.' },
  lost: { time, level: 'warn', event: 'relay_lost', message: 'Lost.', relay: 'ws://r', omitted: 3 },
};

test('--json prints one object for each event on stdout, and nothing else', () => {
  const b = bench({ json: true }, true);
  printAll(b);
  assert.deepEqual(b.notes, []);
  const shared = { time, level: 'info', method: 'GET', path: '/a', status: 200, duration_ms: 1.235, stream: 'sse' };
  assert.deepEqual(
    b.results.map((line) => JSON.parse(line) as unknown),
    [
      json.published,
      json.returned,
      json.lost,
      { ...shared, event: 'request_opened' },
      { ...shared, event: 'request', bytes_received: 1, bytes_sent: 2, outcome: 'complete' },
    ],
  );
});

test('--json with --quiet prints warnings and the result', () => {
  const b = bench({ json: true, quiet: true });
  printAll(b);
  assert.deepEqual(
    b.results.map((line) => JSON.parse(line) as unknown),
    [json.published, json.lost],
  );
});

test('--json prints every request of a flood, in ASCII, bounded, without keys and credentials in URLs', () => {
  const b = bench({ json: true });
  for (let i = 0; i < 1_000; i += 1) b.output.requests?.finished(request);
  assert.equal(b.results.length, 1_000);
  const path = `/\u001b[2J/sk_live_${'a'.repeat(40)}/${'p'.repeat(9_000)}`;
  b.output.requests?.finished({ ...request, path, method: '' });
  const line = b.results.at(-1) ?? '';
  assert.match(line, /^[\x20-\x7e…]{1,2500}$/);
  const { path: shown, method } = JSON.parse(line) as { readonly path: string; readonly method?: string };
  assert.ok(shown.startsWith('/\u001b[2J/sk_live_***/ppp'), shown);
  assert.equal(method, undefined);
  b.output.line({ event: 'assertion_keys_failed', level: 'warn', text: 'x', fields: { source: 'https://u:p@h/' } });
  assert.doesNotMatch(b.results.at(-1) ?? '', /u:p/);
});
