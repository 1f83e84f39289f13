// The gateway with its whole pipeline as a separate process. Reaches a lease through a relay, or a
// local port without a tunnel; `--guards` selects the checks before the app. Prints the app's URL
// and a key.
import { connect } from 'node:net';
import { once } from 'node:events';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { hashSync } from 'bcryptjs';
import { createApiKey, prefixCharacters } from '../../src/auth/api-key.ts';
import { createSigningKey } from '../../src/auth/signing-keys.ts';
import { countLiveBuffersOnly } from '../../src/cli/buffer-accounting.ts';
import { createGateway } from '../../src/gateway/gateway.ts';
import { createCredential } from '../../src/portal/index.ts';
import { key, testKey, testLease, testPolicy } from '../../test/helpers/policy.ts';
import type { LeasePolicy } from '../../src/policy/policy.ts';
import type { Lease, Transport, Tunnel } from '../../src/upstream/transport.ts';
import { createTransport } from '../../src/upstream/create-transport.ts';

countLiveBuffersOnly();
const { values: flags } = parseArgs({
  options: {
    'app-port': { type: 'string' },
    relay: { type: 'string' },
    'lease-id': { type: 'string' },
    guards: { type: 'string' },
  },
});

const localLease: Lease = {
  id: 'A'.repeat(26),
  name: 'bench',
  alpn: ['http/1.1'],
  metadata: '',
  expiresAtMs: Infinity,
};

/** Plain TCP in place of the tunnel. */
const local = (port: number): Transport => ({
  relay: `tcp://127.0.0.1:${port}`,
  state: () => 'up',
  rttMs: undefined,
  list: () => Promise.resolve([localLease]),
  async dial() {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    await once(socket, 'connect');
    return Object.assign(socket, { peerId: null }) as unknown as Tunnel;
  },
  ready: () => Promise.resolve(),
  close: () => Promise.resolve(),
});

async function overRelay(url: string): Promise<Transport> {
  const transport = createTransport({ url, credential: createCredential() });
  await transport.ready(AbortSignal.timeout(10_000));
  return transport;
}

const rate = { requestsPerSecond: 1e6, burst: 1e6 };
const rateLimit = { global: rate, perKey: { default: rate, overrides: {} }, perLease: { '*': rate }, perIp: rate };

const lease = testLease({ assertion: { bind: 'request' } });

/**
 * Default: a key and limits wide enough to admit everything. `none`: no authentication. `all`: also
 * a bcrypt key and lease rules. `assertion`, `assertion-request`: also an assertion that identifies
 * the caller to the app.
 */
function guards(which: string | undefined): { policy: Parameters<typeof testPolicy>[0]; key: string } {
  if (which === 'none') {
    const auth = { enabled: false };
    return { policy: { auth, acl: { '*': ['anonymous'] } }, key };
  }
  if (which === undefined) return { policy: { rateLimit }, key };
  const made = createApiKey('live');
  const secret = {
    kind: 'bcrypt',
    bcrypt: hashSync(made, 12),
    prefix: made.slice(0, prefixCharacters),
  } as const;
  const auth = { keys: [testKey({ id: 'bench', secret })] };
  // The paced client and the flood share one address.
  const limits = { maxConnectionsPerIp: 10_000 };
  const leases: Record<string, LeasePolicy> = which === 'assertion-request' ? { '*': lease } : {};
  const assertion = which === 'all' ? undefined : { issuer: 'https://gateway.example.com' };
  const policy = { auth, rateLimit, limits, leases, assertion, acl: { bench: ['bench'], '*': ['other'] } };
  return { policy, key: made };
}

const guarded = guards(flags.guards);
const transport = flags.relay === undefined ? local(Number(flags['app-port'])) : await overRelay(flags.relay);
const signingKeys = [createSigningKey(Date.now())];
const gateway = createGateway({
  host: '127.0.0.1',
  port: 0,
  policy: testPolicy(guarded.policy),
  transports: [transport],
  signingKeys: () => signingKeys,
});
const { port } = await gateway.listen();
console.log(`http://127.0.0.1:${port}/peer/${flags['lease-id'] ?? localLease.id} ${guarded.key}`);
// Exits cleanly, so that a profiler can write its file.
process.once('SIGTERM', () => process.exit(0));
