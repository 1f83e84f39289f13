import assert from 'node:assert/strict';
import { test } from 'node:test';
import { faultLines, loadText } from '../../../test/helpers/config.ts';
import type { Loaded, LoadOptions } from './load.ts';
import { showPath } from '../schema/names.ts';
import { configTable, printConfig } from './print.ts';

type Settings = Pick<LoadOptions, 'env' | 'flags'> & { readonly files?: Readonly<Record<string, string>> };

async function loaded(t: Parameters<typeof loadText>[0], text: string, settings: Settings = {}): Promise<Loaded> {
  const result = await loadText(t, text, settings);
  assert.deepEqual(faultLines(result), []);
  return result.ok ? result : assert.fail();
}

const printed = ({ config, sources }: Loaded): string[] => printConfig(config, sources);

test('prints the origin after each value', async (t) => {
  const lines = printed(
    await loaded(t, 'gateway:\n  queue: 7\n  trusted_proxies: [10.0.0.0/8]\ncors: { origins: ["https://a.example"] }', {
      env: { GATEWAY_PORT: '1234', METRICS_ALLOWED_CIDRS: '::1' },
      flags: [{ name: '--host', path: ['gateway', 'host'], value: '::' }],
    }),
  );
  const squeezed = lines.map((line) => line.replace(/(?<! ) +#/, ' #'));
  for (const line of [
    '  host: "::" # --host',
    '  port: 1234 # GATEWAY_PORT',
    '  queue: 7 # gateway.yaml:2:10',
    '    - 10.0.0.0/8 # gateway.yaml:3:21',
    '  idle_timeout: 2m # default',
    '  max_header_bytes: 32KiB # default',
    '  max_body_bytes: 0 # default',
    '  min_version: "1.3" # default',
    '  certificates: [] # default',
    '    - ::1 # METRICS_ALLOWED_CIDRS',
    '    - https://a.example # gateway.yaml:4:19',
    'leases: {} # default',
  ]) {
    assert.ok(squeezed.includes(line), `${line}\n\n${squeezed.join('\n')}`);
  }
});

test('printed output loads as the same configuration', async (t) => {
  const text = `
gateway: { base_domain: peers.example.com, shutdown_grace: 90s, max_body_bytes: 1500, trusted_proxies: ["::/0"] }
portal:
  relays: [{ url: ws://one/relay }, { url: wss://two/relay }]
  lease_pins: { "my app": ABCDEFGHIJKLMNOPQRSTUVWXYZ, "true": ABCDEFGHIJKLMNOPQRSTUVWXY2 }
auth: { enabled: false }
timeouts: { overrides: [{ lease: "mcp-*", path: "/slow/*", total: 0s, response_headers: 1h30m }, { body_idle: 1ms }] }
leases:
  "*": { host_header: "[::1]:80" }
  größe: { headers: { request: { set: { X-A: "# no comment: 'x'", X-B: "null", X-C: "", X-D: "1.50" } } } }
  "a: b": { headers: { response: { remove: [Server] } } }
logging: { level: debug, file: { path: "a b#c.log" } }
`;
  const first = await loaded(t, text);
  const again = await loaded(t, printed(first).join('\n'));
  assert.deepEqual(again.config, first.config);
});

test('prints the defaults as the defaults', async (t) => {
  const first = await loaded(t, '#');
  assert.deepEqual((await loaded(t, printed(first).join('\n'))).config, first.config);
});

test('prints only the effective one of the two ways to name relays', async (t) => {
  const names = async (text: string): Promise<(string | undefined)[]> =>
    printed(await loaded(t, text))
      .filter((line) => /relay|ws:/.test(line))
      .map((line) => /^[^#]*\S(?= *#|$)/.exec(line)?.[0]);
  assert.deepEqual(await names('portal: { relay_url: ws://one/relay }'), ['  relay_url: ws://one/relay']);
  assert.deepEqual(await names('portal: { relays: [{ url: ws://one/relay }] }'), [
    '  relays:',
    '    - url: ws://one/relay',
  ]);
});

test('escapes text that would break out of its line', async (t) => {
  const name = 'a\u202eb\u2066';
  const first = await loaded(t, `leases: { "${name}": { host_header: "x" } }`);
  const lines = printed(first);
  assert.ok(lines.includes('  "a\\u202eb\\u2066":'));
  const again = await loaded(t, lines.join('\n'));
  assert.deepEqual(Object.keys(again.config.leases), [name]);
});

test('prints a long value in full', async (t) => {
  const value = 'x '.repeat(4000).trim();
  const first = await loaded(t, `leases: { a: { headers: { request: { set: { X-A: "${value}" } } } } }`);
  const again = await loaded(t, printed(first).join('\n'));
  assert.equal(again.config.leases['a']?.headers.request.set['X-A'], value);
});

test('as data, prints one row per value', async (t) => {
  const { config, sources } = await loaded(
    t,
    'gateway: { trusted_proxies: [::1, "::2"] }\nauth: { keys: [{ id: a, key: b }] }',
  );
  const rows = new Map(
    configTable(config, sources).map(({ path, value, origin }) => [showPath(path), [value, origin]]),
  );
  assert.deepEqual(rows.get('gateway.trusted_proxies[1]'), ['::2', 'gateway.yaml:1:35']);
  assert.deepEqual(rows.get('auth.keys[0].key'), ['***', 'gateway.yaml:2:30']);
  assert.deepEqual(rows.get('portal.identity'), ['', 'default']);
  assert.deepEqual(rows.get('timeouts.overrides'), [[], 'default']);
  assert.ok(rows.size > 60);
});
