import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { test } from 'node:test';
import {
  isDisguised,
  isForwarding,
  isMethodOverride,
  isRemoved,
  isWrittenByGateway,
  methodOverrides,
  removedHeaders,
} from './removed-headers.ts';

const names = removedHeaders.flatMap((group) => group.names);
/** A concrete name that matches an entry of the table. */
const example = (name: string): string => name.replace('*', 'any-thing');
const spellings = (name: string): string[] => ['_', '.', '~', '!'].map((character) => name.replaceAll('-', character));

test('removes every header of the table, in every spelling', () => {
  for (const name of names.map(example)) {
    for (const spelling of [name, ...spellings(name)]) assert.ok(isRemoved(spelling), spelling);
    if (name.includes('-')) for (const spelling of spellings(name)) assert.ok(isDisguised(spelling), spelling);
    assert.ok(!isDisguised(name), name);
  }
  for (const name of methodOverrides) for (const each of [name, ...spellings(name)]) assert.ok(isMethodOverride(each));
});

test('leaves headers that only begin or end like one of the table', () => {
  const others = [
    'proxy-user',
    'xproxy',
    'x-forwardedfor',
    'my-remote-user',
    'remote-users',
    'client-ip-2',
    'forwarded-',
  ];
  others.push(
    'x-gateway',
    'host',
    'x-ssl',
    'x-real-ips',
    'authorization',
    'cookie',
    'x-http-methods',
    'x-requested-with',
  );
  others.push('mcp-session-id', 'x-goog-api-key', 'anthropic-version', 'idempotency-key', 'traceparent', 'x-user-id');
  for (const name of others) assert.ok(!isRemoved(name) && !isMethodOverride(name), name);
});

test('distinguishes headers that the gateway writes from those that a proxy may be allowed to pass', () => {
  for (const name of [
    'x-gateway-subject',
    'x_gateway_key',
    'x-request-id',
    'forwarded',
    'x-forwarded-for',
    'x.forwarded.host',
  ]) {
    assert.ok(isWrittenByGateway(name), name);
  }
  for (const name of ['x-forwarded-user', 'x-forwarded-port', 'x-forwarded-for-original', 'remote-user']) {
    assert.ok(!isWrittenByGateway(name), name);
  }
});

test('a request with any of these headers came through a proxy, except the gateway’s own names', () => {
  const own = ['x-gateway-*', 'x-request-id'];
  for (const name of names) assert.equal(isForwarding(example(name)), !own.includes(name), name);
  assert.ok(isForwarding('via') && !isForwarding('x-gateway-key') && !isForwarding('user-agent'));
});

test('the guide lists the same headers under the same headings', () => {
  const guide = readFileSync(new URL('../../../docs/guides/request-headers.md', import.meta.url), 'utf8');
  const sections = new Map(
    guide.split(/^### /m).map((section) => {
      const [title = '', ...lines] = section.split('\n');
      return [
        title,
        [...lines.join('\n').matchAll(/^- `([^`]+)`/gm)].map(([, name = '']) => name.toLowerCase()),
      ] as const;
    }),
  );
  const table = [...removedHeaders, { title: 'Method overrides', names: methodOverrides }];
  for (const { title, names: listed } of table) assert.deepEqual(sections.get(title), [...listed], title);
});

test('matching a very long name takes linear time', () => {
  const work = (length: number): number => {
    const nasty = ['x-', '-', 'x-ssl-', 'remote-', 'x-forwarded', '_'].map((part) => part.repeat(length / part.length));
    const before = process.cpuUsage();
    for (let i = 0; i < 50; i += 1) for (const name of nasty) isRemoved(name);
    for (const name of nasty) isDisguised(name);
    return process.cpuUsage(before).user;
  };
  work(1_000);
  assert.ok(work(100_000) < 50_000);
});
