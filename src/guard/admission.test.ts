import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Admission, type AdmissionLimits, type Entrant } from './admission.ts';

const limits: AdmissionLimits = { maxInFlight: 2, maxStreams: 1, queue: 2 };

function entrant(log: string[], name: string): Entrant {
  return { admitted: () => log.push(name) };
}

test('beyond what may be in flight requests wait, and beyond the queue they are turned away', () => {
  const admission = new Admission();
  const log: string[] = [];
  const outcomes = ['a', 'b', 'c', 'd', 'e'].map((name) => admission.enter(entrant(log, name), limits));
  assert.deepEqual(outcomes, ['admitted', 'admitted', 'queued', 'queued', 'full']);
  admission.leave();
  admission.leave();
  assert.deepEqual(log, ['c', 'd']);
  assert.deepEqual([admission.inFlight, admission.waiting], [2, 0]);
});

test('who leaves the queue takes no place, and keeps nobody waiting', () => {
  const admission = new Admission();
  const log: string[] = [];
  const leaver = entrant(log, 'leaver');
  for (const each of [entrant(log, 'a'), entrant(log, 'b'), leaver, entrant(log, 'last')])
    admission.enter(each, limits);
  admission.leaveQueue(leaver);
  admission.leave();
  assert.deepEqual(log, ['last']);
});

test('a stream makes room for a request, up to the bound of streams', () => {
  const admission = new Admission();
  const log: string[] = [];
  for (const name of ['a', 'b', 'c']) admission.enter(entrant(log, name), limits);
  assert.equal(admission.becomeStream(limits), true);
  assert.deepEqual([log, admission.inFlight, admission.streams], [['c'], 2, 1]);
  assert.equal(admission.hasRoomForStream(limits), false);
  assert.equal(admission.becomeStream(limits), false);
  assert.deepEqual([admission.inFlight, admission.streams], [2, 1]);
  admission.leaveStream();
  assert.equal(admission.becomeStream(limits), true);
});

test('a queue whose requests all fail at once is emptied without a stack for each', () => {
  const admission = new Admission();
  const many: AdmissionLimits = { maxInFlight: 1, maxStreams: 0, queue: 100_000 };
  let served = 0;
  for (let i = 0; i <= many.queue; i += 1) {
    const each: Entrant = {
      admitted: () => {
        served += 1;
        admission.leave();
      },
    };
    admission.enter(each, many);
  }
  admission.leave();
  assert.deepEqual([served, admission.inFlight, admission.waiting], [many.queue, 0, 0]);
});

test('nobody overtakes those who wait', () => {
  const admission = new Admission();
  const log: string[] = [];
  for (const name of ['a', 'b', 'c']) admission.enter(entrant(log, name), limits);
  // A place is free only while it is given away.
  const late: Entrant = {
    admitted: () => {
      log.push('first in the queue');
      assert.equal(admission.enter(entrant(log, 'late'), limits), 'queued');
    },
  };
  admission.enter(late, limits);
  admission.leave();
  admission.leave();
  assert.deepEqual(log, ['c', 'first in the queue']);
});

test('limits that a reload raises or lowers count at once', () => {
  const admission = new Admission();
  const log: string[] = [];
  for (const name of ['a', 'b', 'c']) admission.enter(entrant(log, name), limits);
  assert.equal(admission.enter(entrant(log, 'd'), { ...limits, maxInFlight: 4 }), 'queued');
  assert.deepEqual([log, admission.inFlight], [['c', 'd'], 4]);
  assert.equal(admission.enter(entrant(log, 'e'), { ...limits, maxInFlight: 1 }), 'queued');
  for (let i = 0; i < 3; i += 1) admission.leave();
  assert.deepEqual(log, ['c', 'd']);
  admission.leave();
  assert.deepEqual(log, ['c', 'd', 'e']);
});

test('whatever happens, no bound is passed and nobody waits while there is room', () => {
  const events = fc.array(fc.constantFrom('enter', 'leave', 'stream', 'end stream', 'give up'), { maxLength: 200 });
  fc.assert(
    fc.property(events, (steps) => {
      const admission = new Admission();
      const queue = new Set<Entrant>();
      for (const step of steps) {
        if (step === 'enter') {
          const each: Entrant = { admitted: () => queue.delete(each) };
          queue.add(each);
          if (admission.enter(each, limits) !== 'queued') queue.delete(each);
        } else if (step === 'leave' && admission.inFlight > 0) admission.leave();
        else if (step === 'stream' && admission.inFlight > 0) admission.becomeStream(limits);
        else if (step === 'end stream' && admission.streams > 0) admission.leaveStream();
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
