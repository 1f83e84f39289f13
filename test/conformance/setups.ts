// The gateways that rows are played against, by name: their policies and their other options.
import type { GatewayOptions } from '../../src/gateway/gateway.ts';
import type { testPolicy } from '../helpers/policy.ts';
import { proxyHeaderFor } from '../helpers/proxy-header.ts';
import type { Setup } from './row.ts';

export interface SetupParts {
  readonly policy: NonNullable<Parameters<typeof testPolicy>[0]>;
  readonly gateway?: Partial<GatewayOptions>;
  /** Sent at the start of every connection. A row can send its own instead. */
  readonly preface?: string;
}

const timeouts = { dialMs: 10_000, responseHeadersMs: 10_000, bodyIdleMs: 10_000 };
const limits = { maxConnectionsPerIp: 10_000 };
/**
 * Long enough that work that must not time out finishes within it on a busy machine; rows about
 * timeouts wait for it.
 */
const soonMs = 2_000;
const usual = { baseDomain: 'peers.test', timeouts, limits };

export const setups: Readonly<Record<Setup, SetupParts>> = {
  usual: { policy: usual },
  trusting: { policy: { ...usual, trustedProxies: ['127.0.0.0/8', '10.0.0.0/8', '2001:db8:aaaa::/48'] } },
  open: { policy: { ...usual, auth: { enabled: false }, acl: { '*': ['anonymous'] }, publicHost: 'gw.test' } },
  tight: { policy: { ...usual, limits: { ...limits, maxBodyBytes: 10 } } },
  hasty: {
    policy: {
      ...usual,
      timeouts: { ...timeouts, responseHeadersMs: soonMs, bodyIdleMs: soonMs },
      limits: { ...limits, readHeaderTimeoutMs: soonMs, bodyTimeoutMs: soonMs },
    },
  },
  proxied: {
    policy: { ...usual, trustedProxies: ['127.0.0.0/8'] },
    gateway: { proxyProtocol: true },
    preface: proxyHeaderFor('203.0.113.9').toString('latin1'),
  },
};
