import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { OutputQueue } from './output-queue.ts';
import { terminalOn } from './terminal.ts';

test('writes lines in their order, and all of them until it is closed', async () => {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const terminal = terminalOn(stdout, stderr).queued(() => assert.fail('nothing is lost'));
  for (let i = 0; i < 1_000; i += 1) terminal.result(`line ${i}`);
  terminal.note('a note');
  assert.equal(stdout.readableLength, 0);
  await terminal.close();
  await terminal.close();
  const lines = String(stdout.read()).trimEnd().split('\n');
  assert.equal(lines.length, 1_000);
  assert.equal(lines.at(-1), 'line 999');
  assert.equal(String(stderr.read()), 'a note\n');
});

test('a reader that stalls holds neither the writer nor its memory, and learns how much it has lost', async () => {
  const stream = new PassThrough();
  const lost = Promise.withResolvers<number>();
  const queue = new OutputQueue(stream, lost.resolve);
  const line = `${'x'.repeat(999)}\n`;
  const count = 10_000;
  for (let i = 0; i < count; i += 1) queue.write(line);
  await setTimeout(100);
  assert.ok(stream.readableLength + stream.writableLength < 200_000);
  let received = 0;
  stream.on('data', (chunk: Buffer) => (received += chunk.length));
  const lines = await lost.promise;
  await queue.close();
  assert.equal(received, (count - lines) * line.length);
  assert.ok(received > 1_000_000 && received < 1_200_000, String(received));
});

test('close() waits for a stalled reader for a bounded time', async () => {
  const queue = new OutputQueue(new PassThrough(), () => undefined);
  queue.write('x'.repeat(100_000));
  queue.write('x'.repeat(100_000));
  const startedMs = performance.now();
  await queue.close();
  assert.ok(performance.now() - startedMs < 3_000);
});
