import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { faultLines, loadText, warningLines } from '../../../test/helpers/config.ts';
import { configText } from './config-text.ts';

const keysFile = 'version: 1\nkeys: []\n';

describe('the written configuration means what was asked for', () => {
  for (const [relay, lease, caller] of [
    ['ws://localhost:4017/relay', 'my-app', 'my-key'],
    ['wss://relay.example.com/relay?a=b', 'mcp-*', 'a.b@c+d'],
    ['wss://[2001:db8::1]:4017/relay', '*', '-1'],
    ['ws://localhost', 'größe', '1e3'],
    ['ws://localhost', 'true', 'null'],
    ['ws://localhost', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', '0123'],
    ['ws://localhost', '~', 'no'],
    ['ws://localhost', 'app', 'anonymous'],
  ] as const) {
    test(`${relay} ${lease} ${caller}`, async (t) => {
      const text = configText({ relay, lease, caller }, 'keys.yaml');
      const result = await loadText(t, text, { files: { 'keys.yaml': keysFile } });
      assert.ok(result.ok, faultLines(result).join('\n'));
      assert.deepEqual(warningLines(result), []);
      const { leaseAcl, portal, auth } = result.config;
      assert.deepEqual(leaseAcl, { [lease]: [caller] });
      assert.deepEqual(portal.relays, [{ url: relay, caFile: '' }]);
      assert.equal(auth.keysFile.endsWith('/keys.yaml'), caller !== 'anonymous');
      for (const line of text.split('\n')) assert.ok(line.length <= 100, line);
    });
  }
});
