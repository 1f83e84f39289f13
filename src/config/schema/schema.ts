// The configuration as one zod schema: the only source of its types, defaults, bounds, names and
// descriptions. Values from the file, the environment and flags are validated by it; config.ts and
// docs/configuration.md are generated from it. Its static types are loose on purpose:
// isolatedDeclarations requires an annotation on every export, and inferred zod types cannot be
// annotated.
import { z } from 'zod';
import { withMeta } from './field-meta.ts';
import { auth, ipRules, leaseAcl } from './sections/auth.ts';
import { rateLimit, shares } from './sections/limits.ts';
import { admin, gateway, tls } from './sections/listeners.ts';
import { logging, metrics } from './sections/observation.ts';
import { portal } from './sections/portal.ts';
import { quotas } from './sections/quotas.ts';
import { cors, leases, timeouts } from './sections/traffic.ts';

const sections = {
  ...{ gateway, tls, admin, portal, auth, lease_acl: leaseAcl, ip_rules: ipRules, rate_limit: rateLimit },
  ...{ quotas, limits: shares, timeouts, cors, leases, metrics, logging },
};

export const schema: z.ZodType = withMeta(z.strictObject(sections), {
  description: 'The configuration of Portal Gateway. Only what differs from a default needs to be written.',
  expects: 'a map of sections',
  typeName: 'Config',
});
