// A sender without end and a reader at 1 MB/s for 20 s, in either direction, through gateway, relay and app, each a process of its
// own. test/e2e has the same by amounts instead of by time.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setInterval } from 'node:timers/promises';
import { blockedSender, checkGrowth, checkHeld, download, mib, upload, warmUp } from '../helpers/back-pressure.ts';
import { ProcessPath } from '../helpers/process-path.ts';

const bytesPerSecond = 1_000_000;
const seconds = 20;
const ticksPerSecond = 20;

for (const start of [download, upload]) {
  test(`${start.name}: a reader at 1 MB/s for ${seconds} s holds the sender, and nobody on the way grows`, async (t) => {
    const path = await ProcessPath.start(t);
    await warmUp(path, start);
    const growths = await checkGrowth(path, async () => {
      const flow = await start(path);
      let readBytes = 0;
      let mostUnderWayBytes = 0;
      for await (const tick of setInterval(1_000 / ticksPerSecond, null, { ref: true })) {
        assert.equal(tick, null);
        await flow.read(bytesPerSecond / ticksPerSecond);
        readBytes += bytesPerSecond / ticksPerSecond;
        const sent = await flow.sent();
        checkHeld(sent, readBytes);
        mostUnderWayBytes = Math.max(mostUnderWayBytes, sent.bytes - readBytes);
        if (readBytes === seconds * bytesPerSecond) break;
      }
      checkHeld(await blockedSender(path, flow), readBytes);
      t.diagnostic(`at most ${mib(mostUnderWayBytes)} under way`);
      flow.close();
    });
    t.diagnostic(`relay, app, gateway grew by ${growths}`);
  });
}
