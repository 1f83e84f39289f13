// Owns what is known of a bcrypt hash without computing one: its form, its cost, and the longest key that it can stand for.
const form = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;

/** bcrypt looks at no more; two longer keys with one beginning would be one. */
export const maxKeyBytes = 72;
/** Below 10 a stolen hash is cheap to attack; each step more doubles the time of a verification. */
export const costs = { min: 10, max: 14, default: 12 } as const;

/** Undefined: no bcrypt hash. */
export function bcryptCost(hash: string): number | undefined {
  const cost = form.exec(hash)?.[1];
  return cost === undefined ? undefined : Number(cost);
}
