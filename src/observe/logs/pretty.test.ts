import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prettyLine, type Paint } from './pretty.ts';

const plain: Paint = (_, text) => text;
const about = { level: 'info', timestamp: '2026-01-02T03:04:05.678Z' };

test('prints method, path, status and duration of a request, then the rest', () => {
  const line = JSON.stringify({
    ...about,
    request_id: 'r-1',
    method: 'GET',
    path: '/peer/app/',
    status: 200,
    duration_ms: 1.5,
    user_agent: 'curl/8 (x)',
    message: 'request',
  });
  assert.equal(
    prettyLine(line, plain),
    '03:04:05.678 info  GET /peer/app/ 200 1.5 ms request_id=r-1 user_agent="curl/8 (x)"\n',
  );
});

test('prints the message of any other line, then its fields', () => {
  const line = JSON.stringify({ ...about, level: 'warn', relays: ['ws://a', 'ws://b'], n: 1, message: 'listening' });
  assert.equal(prettyLine(line, plain), '03:04:05.678 warn  listening relays=["ws://a","ws://b"] n=1\n');
});

test('untrusted text can neither move the cursor nor begin a line', () => {
  const hostile = 'a\u001b[2J\nb\u009b31m\u202ec';
  const line = JSON.stringify({ ...about, [hostile]: hostile, nested: { hostile }, message: hostile });
  // eslint-disable-next-line no-control-regex -- they are what must not be there
  assert.match(prettyLine(line, plain), /^[^\u0000-\u001f\u007f-\u009f\u202e]+\n$/);
});

test('colours the level', () => {
  const painted: string[] = [];
  prettyLine(JSON.stringify({ ...about, level: 'error', message: 'x' }), (colour, text) => {
    painted.push(`${colour} ${text.trim()}`);
    return text;
  });
  assert.ok(painted.includes('red error'));
});
