import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadText } from '../../../test/helpers/config.ts';
import { defaultConfig } from '../schema/defaults.ts';
import { restartOnly } from './restart.ts';

for (const [text, named] of [
  ['gateway: { port: 8080, queue: 7, shutdown_grace: 1s }\ntimeouts: { dial: 1s }\nlogging: { level: debug }', []],
  [
    'gateway: { port: 9000, host: 0.0.0.0, max_header_bytes: 64KiB }',
    ['gateway.host', 'gateway.port', 'gateway.max_header_bytes'],
  ],
  ['admin: { port: 9090 }', ['admin.port']],
  ['portal: { relay_url: ws://other/relay }', ['portal.relay_url', 'portal.relays']],
  ['portal: { relays: [{ url: ws://localhost:4017/relay }] }', []],
  ['portal: { reconnect: { max: 1m }, pool: { max_idle: 1 } }', ['portal.reconnect.max']],
  ['logging: { output: file, file: { path: a.log } }', ['logging.output', 'logging.file.path']],
] as const) {
  test(`${JSON.stringify(text)} needs a restart for ${named.join(', ') || 'nothing'}`, async (t) => {
    const result = await loadText(t, text);
    assert.ok(result.ok);
    assert.deepEqual(restartOnly(defaultConfig(), result.config), named);
  });
}
