// Owns the gateways that rows are played against: their policies, by name.
import type { testPolicy } from '../helpers/policy.ts';
import type { Setup } from './row.ts';

type Parts = NonNullable<Parameters<typeof testPolicy>[0]>;

const usual: Parts = {
  baseDomain: 'peers.test',
  timeouts: { dialMs: 5_000, responseHeadersMs: 5_000, bodyIdleMs: 5_000 },
  limits: { maxConnectionsPerIp: 10_000 },
};

export const setups: Readonly<Record<Setup, Parts>> = {
  usual,
  trusting: { ...usual, trustedProxies: ['127.0.0.0/8', '10.0.0.0/8', '2001:db8:aaaa::/48'] },
  open: { ...usual, auth: { enabled: false } },
  tight: { ...usual, limits: { ...usual.limits, maxBodyBytes: 10 } },
};
