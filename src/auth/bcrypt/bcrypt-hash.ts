// The format, cost and key length limit of bcrypt hashes. Computes none.
const form = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;

/** bcrypt ignores all bytes beyond these: two longer keys with the same beginning would match. */
export const maxKeyBytes = 72;
/** Below 10 a stolen hash is cheap to attack; each step doubles the time of a verification. */
export const costs = { min: 10, max: 14, default: 12 } as const;

/** Returns undefined for text that is not a bcrypt hash. */
export function bcryptCost(hash: string): number | undefined {
  const cost = form.exec(hash)?.[1];
  return cost === undefined ? undefined : Number(cost);
}
