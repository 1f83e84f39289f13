// A sender without end and a slow reader, through gateway, relay and app, each a process of its own: the sender is held, and no
// process grows. Read by amounts here; at 1 MB/s for 20 s in test/soak.
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
  test(`${start.name}: a slow reader holds the sender, and nobody on the way grows`, async (t) => {
    const path = await ProcessPath.start(t);
    await warmUp(path, start);
    const growths = await checkGrowth(path, async () => {
      const flows = await start(path);
      for (const flow of flows) checkHeld(await blockedSender(path, flow), 0);
      // One direction after the other: the one that nobody reads holds nobody in the other.
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
