// The two settings that select the requests of an entry: lease patterns and path prefixes.
import type { z } from 'zod';
import { isLeasePattern } from '../../check/checks.ts';
import { text } from '../fields.ts';

export function requestPattern(examplePath: string): { readonly lease: z.ZodType; readonly path: z.ZodType } {
  return {
    lease: text('The leases to match: `name`, `prefix-*` or `*`.', {
      initial: '*',
      expects: 'a lease name, a prefix-* or *',
      check: isLeasePattern,
      example: 'mcp-*',
    }),
    path: text('The paths below the lease to match: `/path`, `/prefix/*` or `/*`.', {
      initial: '/*',
      expects: 'a path that begins with a slash, a * at its end only',
      check: (value) => /^\/[^*\s?#]{0,500}\*?$/.test(value),
      example: examplePath,
    }),
  };
}
