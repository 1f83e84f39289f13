import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClientRefusal } from '../../portal/index.ts';
import { exposeOutput } from './expose-output.ts';
import { RefusedClients } from './refused-clients.ts';

function bench(): { lines: string[]; pass: (ms: number) => void; add: (refusal: ClientRefusal) => void } {
  const lines: string[] = [];
  const note = (line: string): void => void lines.push(line);
  const output = exposeOutput({ bothWatched: false, result: note, note }, {});
  let nowMs = 0;
  const clients = new RefusedClients(
    (line) => {
      output.line(line);
    },
    () => nowMs,
  );
  return { lines, pass: (ms) => (nowMs += ms), add: clients.add.bind(clients) };
}

const stranger: ClientRefusal = { reason: 'not_admitted', clientId: 'A'.repeat(26) };

test('prints one line a minute for a refused client, with the number of refusals since the last one', () => {
  const { lines, pass, add } = bench();
  for (let i = 0; i < 5; i += 1) add(stranger);
  add({ reason: 'not_admitted', clientId: 'B'.repeat(26) });
  pass(59_999);
  add(stranger);
  assert.deepEqual(lines, [
    `Refused the client ${'A'.repeat(26)}: --allow-client does not list it.`,
    `Refused the client ${'B'.repeat(26)}: --allow-client does not list it.`,
  ]);
  pass(1);
  add(stranger);
  assert.match(lines[2] ?? '', /^Refused the client A+: .* 5 more since the last such line\.$/);
});

test("reports the size and direction of a refused client's clock difference", () => {
  const { lines, add } = bench();
  add({ reason: 'clock_skew', clientId: 'A'.repeat(26), skewSeconds: -40 });
  add({ reason: 'clock_skew', clientId: 'B'.repeat(26), skewSeconds: 300 });
  assert.match(lines[0] ?? '', /^Refused the client A+: the clock of this machine is 40 s behind its own; correct/);
  assert.match(lines[1] ?? '', /^Refused the client B+: the clock of this machine is 300 s ahead of its own; correct/);
});

test('clients with made-up ids cause a limited number of single-line notes', () => {
  const { lines, pass, add } = bench();
  for (let i = 0; i < 10_000; i += 1)
    add({ reason: 'not_admitted', clientId: `id ${i}\n\u001b[31m${'x'.repeat(1_000)}` });
  assert.equal(lines.length, 101);
  assert.match(lines[100] ?? '', /more than 100 ids within a minute/);
  for (const line of lines) assert.ok(!line.includes('\n') && !line.includes('\u001b'));
  assert.ok(Math.max(...lines.map(({ length }) => length)) < 200);
  pass(60_000);
  add(stranger);
  assert.match(lines[101] ?? '', /Refused the client A/, 'there is room for others after a minute');
});

test('counts a lasting flood of made-up ids minute by minute', () => {
  const { lines, pass, add } = bench();
  for (let i = 0; i < 12_000; i += 1) {
    add({ reason: 'not_admitted', clientId: `id ${i}` });
    pass(10);
  }
  const [first, second, ...more] = lines.filter((line) => line.includes('more than 100 ids'));
  assert.match(first ?? '', /claimed id 100\.$/);
  // The first 100 ids of the second minute get one line each.
  assert.match(second ?? '', /claimed id 6100\. 5899 more since the last such line\.$/);
  assert.deepEqual([more.length, lines.length], [0, 202]);
});
