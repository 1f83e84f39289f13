// What the tests of faults stand on: no message of a measured process is lost.
import { test } from 'node:test';
import { PeerProcess } from '../helpers/peer-process.ts';

test('a peer becomes ready whatever it tells before, all at once', async (t) => {
  const started = PeerProcess.start(t, 'chatty', {});
  // While this process does not read, everything comes in one piece.
  const untilMs = performance.now() + 2_000;
  while (performance.now() < untilMs);
  const peer = await started;
  await peer.report();
});
