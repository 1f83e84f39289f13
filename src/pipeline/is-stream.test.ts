import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isStream } from './is-stream.ts';

test('events are a stream by their type, other content by its missing length', () => {
  assert.equal(isStream('GET', 200, ['content-type', 'Text/Event-Stream;charset=utf-8', 'Content-Length', '5']), true);
  assert.equal(isStream('GET', 200, ['Content-Type', 'application/x-ndjson']), true);
  assert.equal(isStream('POST', 200, []), true);
  assert.equal(isStream('GET', 200, ['Content-Type', 'text/plain', 'CONTENT-LENGTH', '5']), false);
});

test('a response without content is not a stream', () => {
  assert.equal(isStream('HEAD', 200, ['Content-Type', 'text/event-stream']), false);
  assert.equal(isStream('GET', 304, []), false);
  assert.equal(isStream('GET', 204, []), false);
});
