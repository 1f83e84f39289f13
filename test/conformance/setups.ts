// Owns the gateways that rows are played against: their policies, and what of them is no policy, by name.
import type { GatewayOptions } from '../../src/gateway.ts';
import type { testPolicy } from '../helpers/policy.ts';
import { proxyHeaderFor } from '../helpers/proxy-header.ts';
import type { Setup } from './row.ts';

export interface SetupParts {
  readonly policy: NonNullable<Parameters<typeof testPolicy>[0]>;
  readonly gateway?: Partial<GatewayOptions>;
  /** Every connection begins with it. Rows write their own. */
  readonly preface?: string;
}

const timeouts = { dialMs: 5_000, responseHeadersMs: 5_000, bodyIdleMs: 5_000 };
const limits = { maxConnectionsPerIp: 10_000 };
const usual = { baseDomain: 'peers.test', timeouts, limits };

export const setups: Readonly<Record<Setup, SetupParts>> = {
  usual: { policy: usual },
  trusting: { policy: { ...usual, trustedProxies: ['127.0.0.0/8', '10.0.0.0/8', '2001:db8:aaaa::/48'] } },
  open: { policy: { ...usual, auth: { enabled: false } } },
  tight: { policy: { ...usual, limits: { ...limits, maxBodyBytes: 10 } } },
  hasty: {
    policy: {
      ...usual,
      timeouts: { ...timeouts, responseHeadersMs: 200, bodyIdleMs: 200 },
      limits: { ...limits, readHeaderTimeoutMs: 200, bodyTimeoutMs: 200 },
    },
  },
  proxied: {
    policy: { ...usual, trustedProxies: ['127.0.0.0/8'] },
    gateway: { proxyProtocol: true },
    preface: proxyHeaderFor('203.0.113.9').toString('latin1'),
  },
};
