// An endless sender and a reader at 1 MB/s for 20 s, in either direction and in both at once,
// through gateway, relay and app, each in its own process. test/e2e does the same by amount instead
// of by time.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setInterval } from 'node:timers/promises';
import {
  blockedSender,
  checkGrowth,
  checkHeld,
  download,
  exchange,
  mib,
  upgraded,
  upload,
  warmUp,
} from '../helpers/back-pressure.ts';
import { ProcessPath } from '../helpers/process-path.ts';

const bytesPerSecond = 1_000_000;
const seconds = 20;
const ticksPerSecond = 20;

for (const start of [download, upload, exchange, upgraded]) {
  test(`${start.name}: a reader at 1 MB/s for ${seconds} s blocks the sender, and no process on the path grows`, async (t) => {
    const path = await ProcessPath.start(t);
    await warmUp(path, start);
    const growths = await checkGrowth(path, async () => {
      const flows = await start(path);
      let readBytes = 0;
      let maxInFlightBytes = 0;
      for await (const tick of setInterval(1_000 / ticksPerSecond, null, { ref: true })) {
        assert.equal(tick, null);
        readBytes += bytesPerSecond / ticksPerSecond;
        for (const flow of flows) {
          await flow.read(bytesPerSecond / ticksPerSecond);
          const sent = await flow.sent();
          checkHeld(sent, readBytes);
          maxInFlightBytes = Math.max(maxInFlightBytes, sent.bytes - readBytes);
        }
        if (readBytes === seconds * bytesPerSecond) break;
      }
      for (const flow of flows) checkHeld(await blockedSender(path, flow), readBytes);
      t.diagnostic(`at most ${mib(maxInFlightBytes)} in flight`);
      for (const flow of flows) flow.close();
    });
    t.diagnostic(`relay, app, gateway grew by ${growths}`);
  });
}
