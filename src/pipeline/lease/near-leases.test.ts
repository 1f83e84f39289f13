import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { test, type TestContext } from 'node:test';
import { leaseMissed, listen } from '../../kernel/events.ts';
import { testPolicy } from '../../../test/helpers/policy.ts';
import type { Exchange } from '../stage.ts';
import { NearLeases } from './near-leases.ts';

interface Reported {
  readonly nearOf: (lease: string) => Promise<string | undefined>;
  readonly wait: (ms: number) => void;
}

function reporting(t: TestContext, listed: Iterable<string>, rules: readonly string[] = []): Reported {
  let nowMs = 0;
  const policy = testPolicy({ acl: Object.fromEntries(rules.map((rule) => [rule, ['*']])) });
  const near = new NearLeases(() => listed, { monotonicMs: () => nowMs, wallMs: () => 0 });
  let found: string | undefined;
  t.after(
    listen(leaseMissed, (event) => {
      found = event.near;
    }),
  );
  return {
    nearOf: async (lease) => {
      found = undefined;
      near.report({ id: 'request', route: { lease }, policy } as unknown as Exchange);
      assert.equal(found, undefined, 'the response does not wait for it');
      await turn();
      return found;
    },
    wait: (ms) => {
      nowMs += ms;
    },
  };
}

test('finds the nearest name in the lists and in exact rules', async (t) => {
  const { nearOf } = reporting(t, ['billing', 'größe'], ['my-app', 'my-*', '*']);
  assert.equal(await nearOf('biling'), 'billing');
  assert.equal(await nearOf('My-Ap'), 'my-app');
  assert.equal(await nearOf('grösse'), 'größe');
  assert.equal(await nearOf('unrelated'), undefined);
});

test('reports nothing for a name that exists, for an id, and for text that is too long', async (t) => {
  const { nearOf } = reporting(t, ['billing', 'billin', 'x'.repeat(41)]);
  assert.equal(await nearOf('Billing'), undefined);
  assert.equal(await nearOf('A'.repeat(26)), undefined);
  assert.equal(await nearOf('x'.repeat(42)), undefined);
  assert.equal(await nearOf(''), undefined);
});

test('looks up ten names a minute, among a bounded number', async (t) => {
  let visited = 0;
  const names: Iterable<string> = {
    *[Symbol.iterator]() {
      for (let i = 1; ; i += 1) {
        visited += 1;
        yield `b${i}`;
      }
    },
  };
  const { nearOf, wait } = reporting(t, names);
  for (let i = 0; i < 10; i += 1) assert.notEqual(await nearOf('b0'), undefined);
  assert.ok(visited < 10 * 5_100, `${visited} names`);
  assert.equal(await nearOf('b0'), undefined);
  wait(60_000);
  assert.notEqual(await nearOf('b0'), undefined);
});
