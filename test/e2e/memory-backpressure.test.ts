// An endless sender and a slow reader, through gateway, relay and app, each in its own process:
// backpressure reaches the sender, and no process grows. Reads by amount here; test/soak reads at 1
// MB/s for 20 s.
import { test } from 'node:test';
import {
  blockedSender,
  checkGrowth,
  checkHeld,
  download,
  exchange,
  upgraded,
  upload,
  warmUp,
} from '../helpers/back-pressure.ts';
import { ProcessPath } from '../helpers/process-path.ts';

const sliceBytes = 512 * 1024;
const slices = 8;

for (const start of [download, upload, exchange, upgraded]) {
  test(`${start.name}: a slow reader blocks the sender, and no process on the path grows`, async (t) => {
    const path = await ProcessPath.start(t);
    await warmUp(path, start);
    const growths = await checkGrowth(path, async () => {
      const flows = await start(path);
      for (const flow of flows) checkHeld(await blockedSender(path, flow), 0);
      // One direction after the other: an unread direction must not block the other one.
      for (const flow of flows) {
        for (let slice = 1; slice <= slices; slice += 1) {
          await flow.read(sliceBytes);
          checkHeld(await blockedSender(path, flow), slice * sliceBytes);
        }
      }
      for (const flow of flows) flow.close();
    });
    t.diagnostic(`relay, app, gateway grew by ${growths}`);
  });
}
