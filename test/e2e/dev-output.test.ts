// `dev` on a terminal that is stopped (Ctrl-S, or a pseudo terminal whose output is not read):
// requests go on, and every one is shown or counted.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { temporaryDirectory } from '../helpers/cli.ts';
import { noTerminal, startInTerminal } from '../helpers/pty.ts';

/** Text has a burst of 200 lines, 40 kB; a terminal holds less than 20. */
const requests = 500;
const atOnce = 16;

test(
  'a stopped terminal holds no request of dev, and the requests that it does not show are counted',
  { skip: noTerminal },
  async (t) => {
    const app = createServer((_request, response) => response.end('hello')).listen(0, '127.0.0.1');
    await once(app, 'listening');
    t.after(() => {
      app.closeAllConnections();
      app.close();
    });
    const { port } = app.address() as AddressInfo;
    const directory = await temporaryDirectory(t);
    const dev = startInTerminal(t, ['dev', `127.0.0.1:${port}`, '--port', '0'], { XDG_STATE_HOME: directory });
    const [, key = '', url = ''] = await dev.until(/Authorization: Bearer (\w+)' (http:\S+\/peer\/app\/)/);
    dev.act('stop');
    const headers = { 'x-gateway-key': key };
    const paths = Array.from({ length: requests }, (_, i) => `${url}${i}/${'x'.repeat(190)}`);
    const statuses = new Set<number>();
    const call = async (): Promise<void> => {
      for (let path = paths.pop(); path !== undefined; path = paths.pop()) {
        const response = await fetch(path, { headers, signal: AbortSignal.timeout(20_000) });
        statuses.add(response.status);
        await response.arrayBuffer();
      }
    };
    await Promise.all(Array.from({ length: atOnce }, call));
    assert.deepEqual([...statuses], [200]);
    dev.act('go');
    await dev.until(/ more requests/);
    dev.act('interrupt');
    assert.equal(await dev.exited, 0);
    const lines = dev.shown().split('\r\n');
    const shown = lines.filter((line) => /^[\d:.]{12} GET /.test(line)).length;
    const counted = lines.map((line) => Number(/\b(\d{1,4}) more requests/.exec(line)?.[1] ?? 0));
    assert.ok(shown > 0 && shown < requests, String(shown));
    assert.equal(shown + counted.reduce((sum, count) => sum + count, 0), requests);
  },
);
