import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InFlightVerifications } from './in-flight-verifications.ts';

test('waiters wake when any attempt from their address ends, and none waits if no attempt is in flight', async () => {
  const tries = new InFlightVerifications();
  assert.equal(tries.next('192.0.2.1'), undefined);
  tries.begin('2001:db8::1');
  tries.begin('2001:db8::2');
  const woken: number[] = [];
  const first = tries.next('2001:db8::3')?.then(() => woken.push(1));
  const second = tries.next('2001:db8::4')?.then(() => woken.push(2));
  assert.equal(tries.next('192.0.2.1'), undefined);
  tries.end('2001:db8::1');
  await Promise.all([first, second]);
  assert.deepEqual(woken, [1, 2]);
  assert.ok(tries.next('2001:db8::3'));
  tries.end('2001:db8::2');
  assert.equal(tries.next('2001:db8::3'), undefined);
});

test('at most 64 attempts wait per /48 or /24, independently of other networks, and the slots are reused', () => {
  const tries = new InFlightVerifications();
  for (let round = 0; round < 2; round += 1) {
    tries.begin('192.0.2.1');
    tries.begin('2001:db8::1');
    for (let i = 0; i < 64; i += 1) assert.ok(tries.next(`192.0.2.${i}`));
    assert.equal(tries.next('192.0.2.1'), undefined);
    for (let i = 0; i < 64; i += 1) assert.ok(tries.next(`2001:db8:0:${i}::1`));
    assert.equal(tries.next('2001:db8:0:ffff::1'), undefined);
    tries.end('192.0.2.1');
    tries.end('2001:db8::1');
  }
});

test('at most 1,024 attempts wait in total', () => {
  const tries = new InFlightVerifications();
  let waiting = 0;
  for (let i = 0; i < 3_000; i += 1) {
    const address = `10.0.${i % 100}.1`;
    tries.begin(address);
    if (tries.next(address) !== undefined) waiting += 1;
  }
  assert.equal(waiting, 1_024);
});
