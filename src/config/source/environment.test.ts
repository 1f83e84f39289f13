import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultConfig } from '../schema/defaults.ts';
import { configShape } from '../schema/config-shape.ts';
import { environmentName } from '../schema/names.ts';
import { fixedSettings } from '../schema/shape.ts';
import { EnvironmentError, mistypedVariables, readEnvironment } from './environment.ts';
import { exposeIdentityPath, gatewayIdentityPath, stateDirectoryIn } from './state-directory.ts';

test('an empty environment gives the defaults of the contract', () => {
  assert.deepEqual(readEnvironment({ HOME: '/home/me' }), {
    host: '127.0.0.1',
    port: 8080,
    relayUrl: 'ws://localhost:4017/relay',
    configFile: '',
    stateDirectory: '/home/me/.local/state/portal-gateway',
  });
});

test('the defaults are those of the schema', () => {
  const { gateway, portal } = defaultConfig();
  const { host, port, relayUrl } = readEnvironment({});
  assert.deepEqual({ host, port, relayUrl }, { host: gateway.host, port: gateway.port, relayUrl: portal.relayUrl });
});

test('set variables override defaults, and empty ones count as unset', () => {
  const environment = readEnvironment({
    HOME: '/home/me',
    XDG_STATE_HOME: '/state',
    GATEWAY_CONFIG: 'gateway.yaml',
    GATEWAY_HOST: '0.0.0.0',
    GATEWAY_PORT: '0',
    PORTAL_RELAY_URL: 'wss://relay.test/relay',
  });
  assert.deepEqual(environment, {
    host: '0.0.0.0',
    port: 0,
    relayUrl: 'wss://relay.test/relay',
    configFile: 'gateway.yaml',
    stateDirectory: '/state/portal-gateway',
  });
  assert.equal(readEnvironment({ HOME: '/home/me', GATEWAY_HOST: '' }).host, '127.0.0.1');
});

for (const [name, value] of [
  ['GATEWAY_PORT', '65536'],
  ['GATEWAY_PORT', 'http'],
] as const) {
  test(`rejects ${name}=${value} and names the variable`, () => {
    assert.throws(
      () => readEnvironment({ [name]: value }),
      (error) => error instanceof EnvironmentError && error.message.startsWith(`${name}=${value}`),
    );
  });
}

test('ignores a relative XDG_STATE_HOME', () => {
  assert.equal(stateDirectoryIn('state', '/home/me'), '/home/me/.local/state/portal-gateway');
});

test('each lease name has a separate identity file in the directory', () => {
  assert.equal(gatewayIdentityPath('/s'), '/s/identity.pem');
  assert.equal(exposeIdentityPath('/s', 'my-app'), '/s/expose/my-app.pem');
  const names = ['Demo', 'demo', 'DEMO', '..', '../x', 'a/b', 'größe', 'gro\u0308ße', 'x'.repeat(128), ''];
  const files = names.map((name) => exposeIdentityPath('/s', name));
  assert.equal(new Set(files.map((file) => file.toLowerCase().normalize('NFC'))).size, names.length);
  for (const file of files) assert.match(file, /^\/s\/expose\/[A-Za-z0-9_-]*(?:\.[0-9a-f]{16})?\.pem$/);
});

test('warns about a mistyped variable while the right one is not set', () => {
  const warnings = ['PORTAL_RELAY_ULR has no effect; did you mean PORTAL_RELAY_URL?'];
  assert.deepEqual(mistypedVariables({ PORTAL_RELAY_ULR: 'ws://a', HOME: '/', PATH: '/bin' }), warnings);
  assert.deepEqual(mistypedVariables({ PORTAL_RELAY_ULR: 'ws://a', PORTAL_RELAY_URL: 'ws://b' }), []);
});

test('warns about a name without a prefix, or with another one', () => {
  const warning = (name: string): string[] => [`${name} has no effect; did you mean PORTAL_RELAY_URL?`];
  for (const name of ['RELAY_URL', 'GATEWAY_RELAY_URL'])
    assert.deepEqual(mistypedVariables({ [name]: 'ws://a' }), warning(name));
});

test('takes no other variable for a mistyped one', () => {
  const others = { PORTAL_PORT: 'tcp://10.0.0.1:80', PORT: '1', HOST: 'a', CONFIG: 'b', API_KEY: 'c' };
  assert.deepEqual(mistypedVariables(others), []);
  assert.deepEqual(mistypedVariables({ RELAY_URL: 'ws://a', PORTAL_RELAY_URL: 'ws://b' }), []);
});

test('does not take a setting of the configuration for a mistyped variable', () => {
  const names = Array.from(fixedSettings(configShape), ({ path }) => environmentName(path));
  assert.ok(names.length > 50);
  const others = ['GATEWAY_API_KEY', 'GATEWAY_LOG_LEVEL'];
  const variables = Object.fromEntries([...names, ...others].map((name) => [name, 'x']));
  for (const name of ['GATEWAY_CONFIG', 'GATEWAY_HOST', 'GATEWAY_PORT', 'PORTAL_RELAY_URL']) variables[name] = '';
  assert.deepEqual(mistypedVariables(variables), []);
});
