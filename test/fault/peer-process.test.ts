// The fault tests rely on this: no message of a measured process is lost.
import { test } from 'node:test';
import { PeerProcess } from '../helpers/peer-process.ts';

test('a peer becomes ready, however many messages arrive before in one piece', async (t) => {
  const started = PeerProcess.start(t, 'chatty', {});
  // All messages arrive in one piece while this process does not read.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_000);
  const peer = await started;
  await peer.report();
});
