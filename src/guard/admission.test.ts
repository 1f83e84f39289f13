import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Admission, admissionLimits, type AdmissionLimits, type Entrant } from './admission.ts';
import type { Caller } from './shares.ts';

const everything = { perKey: 1e9, perLease: 1e9, perTenant: 1e9, perAddress: 1e9 };
const defaults = { perKey: 0, perLease: 0, perTenant: 0, perAddress: 0 };
/** Shares are unlimited here: these tests cover bounds and order alone. */
const limits: AdmissionLimits = admissionLimits({ maxInFlight: 2, maxStreams: 1, queue: 2 }, everything);

const someone: Caller = { key: 'k', lease: 'l', tenant: undefined, address: '192.0.2.1' };

function callerWith(key: string, more: Partial<Caller> = {}): Caller {
  return { key, lease: `lease of ${key}`, tenant: undefined, address: `address of ${key}`, ...more };
}

function entrant(log: string[], name: string, caller: Caller = someone): Entrant {
  return {
    caller,
    flow: caller.key ?? caller.address,
    admitted: () => log.push(name),
    evicted: () => log.push(`${name} evicted`),
  };
}

test('requests beyond the in-flight limit wait, and those beyond the queue limit are rejected', () => {
  const admission = new Admission();
  const log: string[] = [];
  const outcomes = ['a', 'b', 'c', 'd', 'e'].map((name) => admission.enter(entrant(log, name), limits));
  assert.deepEqual(outcomes, ['admitted', 'admitted', 'queued', 'queued', 'full']);
  admission.leave(someone);
  admission.leave(someone);
  assert.deepEqual(log, ['c', 'd']);
  assert.deepEqual([admission.inFlight, admission.waiting], [2, 0]);
});

test('a request that leaves the queue takes no slot and delays no other request', () => {
  const admission = new Admission();
  const log: string[] = [];
  const leaver = entrant(log, 'leaver');
  for (const each of [entrant(log, 'a'), entrant(log, 'b'), leaver, entrant(log, 'last')])
    admission.enter(each, limits);
  admission.leaveQueue(leaver);
  admission.leave(someone);
  assert.deepEqual(log, ['last']);
});

test('a request that becomes a stream frees its slot, up to the limit of streams', () => {
  const admission = new Admission();
  const log: string[] = [];
  for (const name of ['a', 'b', 'c']) admission.enter(entrant(log, name), limits);
  assert.equal(admission.becomeStream(someone, limits), true);
  assert.deepEqual([log, admission.inFlight, admission.streams], [['c'], 2, 1]);
  assert.equal(admission.hasRoomForStream(someone, limits), false);
  assert.equal(admission.becomeStream(someone, limits), false);
  assert.deepEqual([admission.inFlight, admission.streams], [2, 1]);
  admission.leaveStream(someone);
  assert.equal(admission.becomeStream(someone, limits), true);
});

test('empties a queue of requests that all end at once without growing the stack', () => {
  const admission = new Admission();
  const many = admissionLimits({ maxInFlight: 1, maxStreams: 0, queue: 10_000 }, everything);
  let served = 0;
  for (let i = 0; i <= many.queue; i += 1) {
    const each: Entrant = {
      ...entrant([], ''),
      admitted: () => {
        served += 1;
        admission.leave(someone);
      },
    };
    admission.enter(each, many);
  }
  admission.leave(someone);
  assert.deepEqual([served, admission.inFlight, admission.waiting], [many.queue, 0, 0]);
});

test('no request overtakes waiting ones', () => {
  const admission = new Admission();
  const log: string[] = [];
  for (const name of ['a', 'b', 'c']) admission.enter(entrant(log, name), limits);
  // The place is free only during the callback.
  const late: Entrant = {
    ...entrant(log, ''),
    admitted: () => {
      log.push('first in the queue');
      assert.equal(admission.enter(entrant(log, 'late'), limits), 'queued');
    },
  };
  admission.enter(late, limits);
  admission.leave(someone);
  admission.leave(someone);
  assert.deepEqual(log, ['c', 'first in the queue']);
});

test('limits that a reload raises or lowers apply at once', () => {
  const admission = new Admission();
  const log: string[] = [];
  for (const name of ['a', 'b', 'c']) admission.enter(entrant(log, name), limits);
  assert.equal(admission.enter(entrant(log, 'd'), { ...limits, maxInFlight: 4 }), 'admitted');
  assert.deepEqual([log, admission.inFlight], [['c'], 4]);
  assert.equal(admission.enter(entrant(log, 'e'), { ...limits, maxInFlight: 1 }), 'queued');
  for (let i = 0; i < 3; i += 1) admission.leave(someone);
  assert.deepEqual(log, ['c']);
  admission.leave(someone);
  assert.deepEqual(log, ['c', 'e']);
});

test('in any sequence, no limit is exceeded and no request waits while there is room', () => {
  const events = fc.array(fc.constantFrom('enter', 'leave', 'stream', 'end stream', 'give up'), { maxLength: 200 });
  fc.assert(
    fc.property(events, (steps) => {
      const admission = new Admission();
      const queue = new Set<Entrant>();
      for (const step of steps) {
        if (step === 'enter') {
          const each: Entrant = { ...entrant([], ''), admitted: () => queue.delete(each) };
          queue.add(each);
          if (admission.enter(each, limits) !== 'queued') queue.delete(each);
        } else if (step === 'leave' && admission.inFlight > 0) admission.leave(someone);
        else if (step === 'stream' && admission.inFlight > 0) admission.becomeStream(someone, limits);
        else if (step === 'end stream' && admission.streams > 0) admission.leaveStream(someone);
        else if (step === 'give up') {
          const [first] = queue;
          if (first !== undefined) {
            admission.leaveQueue(first);
            queue.delete(first);
          }
        }
        assert.equal(admission.waiting, queue.size);
        assert.ok(admission.inFlight <= limits.maxInFlight && admission.streams <= limits.maxStreams);
        assert.ok(admission.waiting <= limits.queue);
        assert.ok(admission.waiting === 0 || admission.inFlight === limits.maxInFlight);
      }
    }),
  );
});

const fair: AdmissionLimits = admissionLimits({ maxInFlight: 20, maxStreams: 20, queue: 8 }, defaults);

/** How many of `count` requests of one caller are admitted at once. */
function admittedOf(admission: Admission, caller: Caller, count: number): number {
  let admitted = 0;
  for (let i = 0; i < count; i += 1) {
    const each = entrant([], '', caller);
    if (admission.enter(each, { ...fair, queue: 0 }) === 'admitted') admitted += 1;
  }
  return admitted;
}

test('without contention one caller may use three quarters; beyond that, only its share', () => {
  const admission = new Admission();
  assert.equal(admittedOf(admission, callerWith('greedy'), 30), 16);
  assert.equal(admittedOf(admission, callerWith('other'), 30), 4);
});

for (const dimension of ['key', 'lease', 'tenant', 'address'] as const) {
  test(`under contention each ${dimension} is limited to its share`, () => {
    const admission = new Admission();
    const greedy = (i: number): Caller => callerWith(`caller ${i}`, { [dimension]: 'greedy' });
    let admitted = 0;
    for (let i = 0; i < 30; i += 1) admitted += admittedOf(admission, greedy(i), 1);
    assert.equal(admitted, 16);
    assert.equal(admittedOf(admission, callerWith('other'), 1), 1);
  });
}

test('streams have separate shares', () => {
  const admission = new Admission();
  const greedy = callerWith('greedy');
  const other = callerWith('other');
  let streams = 0;
  for (let i = 0; i < 30; i += 1) {
    admission.enter(entrant([], '', greedy), fair);
    if (admission.becomeStream(greedy, fair)) streams += 1;
    else admission.leave(greedy);
  }
  assert.equal(streams, 16);
  admission.enter(entrant([], '', other), fair);
  assert.equal(admission.becomeStream(other, fair), true);
});

test('a waiting caller above its share does not block one below it', () => {
  const admission = new Admission();
  const log: string[] = [];
  const greedy = callerWith('greedy');
  for (let i = 0; i < 16; i += 1) admission.enter(entrant(log, 'greedy', greedy), fair);
  assert.equal(admission.enter(entrant(log, 'greedy waits', greedy), fair), 'queued');
  assert.equal(admission.enter(entrant(log, 'other', callerWith('other')), fair), 'admitted');
  admission.leave(greedy);
  assert.deepEqual(log, []);
  // 14 in flight: no contention any longer.
  for (let i = 0; i < 2; i += 1) admission.leave(greedy);
  assert.deepEqual(log, ['greedy waits']);
});

test('serves callers round robin, and each caller first in first out', () => {
  const admission = new Admission();
  const log: string[] = [];
  const one = admissionLimits({ maxInFlight: 1, maxStreams: 1, queue: 8 }, everything);
  const [a, b] = [callerWith('a'), callerWith('b')];
  admission.enter(entrant(log, 'first', a), one);
  for (const name of ['a1', 'a2', 'a3']) admission.enter(entrant(log, name, a), one);
  for (const name of ['b1', 'b2']) admission.enter(entrant(log, name, b), one);
  for (let i = 0; i < 5; i += 1) admission.leave(a);
  assert.deepEqual(log, ['a1', 'b1', 'a2', 'b2', 'a3']);
});

test('a caller that fills the queue loses its newest places to others', () => {
  const admission = new Admission();
  const log: string[] = [];
  const one = admissionLimits({ maxInFlight: 1, maxStreams: 1, queue: 3 }, everything);
  const [a, b] = [callerWith('a'), callerWith('b')];
  admission.enter(entrant(log, 'first', a), one);
  for (const name of ['a1', 'a2', 'a3']) assert.equal(admission.enter(entrant(log, name, a), one), 'queued');
  assert.equal(admission.enter(entrant(log, 'a4', a), one), 'full');
  assert.equal(admission.enter(entrant(log, 'b1', b), one), 'queued');
  assert.deepEqual(log, ['a3 evicted']);
  // Two against one: evicting another entry would not make the queue fairer.
  assert.equal(admission.enter(entrant(log, 'b2', b), one), 'full');
  assert.equal(admission.waiting, 3);
});

test('in any order of entering and leaving, shares hold under contention and all state is released', () => {
  const steps = fc.array(
    fc.record({
      does: fc.constantFrom('enter', 'enter', 'leave', 'stream', 'end'),
      who: fc.integer({ min: 0, max: 4 }),
    }),
    { maxLength: 300 },
  );
  fc.assert(
    fc.property(steps, (list) => {
      const admission = new Admission();
      const callers = Array.from({ length: 5 }, (_, i) => callerWith(`key ${i}`, { lease: `lease ${i % 2}` }));
      const inFlight: Caller[] = [];
      const streams: Caller[] = [];
      for (const { does, who } of list) {
        const caller = callers[who] ?? someone;
        const before = inFlight.length;
        if (does === 'enter') {
          const each: Entrant = { ...entrant([], '', caller), admitted: () => inFlight.push(caller) };
          const holds = inFlight.filter(({ key }) => key === caller.key).length;
          if (admission.enter(each, fair) === 'admitted') {
            assert.ok(before <= 15 || holds < 5);
            inFlight.push(caller);
          }
        } else if (does === 'end') {
          const ended = streams.shift();
          if (ended !== undefined) admission.leaveStream(ended);
        } else {
          const first = inFlight.shift();
          if (first === undefined) continue;
          if (does === 'stream' && admission.hasRoomForStream(first, fair)) {
            streams.push(first);
            assert.ok(admission.becomeStream(first, fair));
          } else admission.leave(first);
        }
        assert.deepEqual([admission.inFlight, admission.streams], [inFlight.length, streams.length]);
        assert.ok(admission.inFlight <= 20 && admission.streams <= 20 && admission.waiting <= 8);
        assert.ok(admission.waiting === 0 || admission.inFlight > 15);
      }
    }),
  );
});
