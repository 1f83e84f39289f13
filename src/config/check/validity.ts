// Says when a certificate is not valid, or soon no longer. Pure: the clock is an argument.
import type { X509Certificate } from 'node:crypto';

/** Of one certificate, or of several that are used together. */
export interface Validity {
  readonly from: Date;
  readonly to: Date;
}

const dayMs = 86_400_000;
/** Certificates of ACME authorities are renewed 30 days before their end: two weeks later something is broken. */
const warnDays = 14;

/** A chain is valid while each of its certificates is. */
export function earliestOf(certificates: readonly X509Certificate[]): Validity {
  const ends = certificates.map(({ validToDate }) => validToDate.getTime());
  const begins = certificates.map(({ validFromDate }) => validFromDate.getTime());
  return { from: new Date(Math.max(...begins)), to: new Date(Math.min(...ends)) };
}

/** A bundle of trusted authorities is of use while one of them is valid. */
export function latestOf(certificates: readonly X509Certificate[]): Validity {
  const ends = certificates.map(({ validToDate }) => validToDate.getTime());
  const begins = certificates.map(({ validFromDate }) => validFromDate.getTime());
  return { from: new Date(Math.min(...begins)), to: new Date(Math.max(...ends)) };
}

/** Completes "a certificate that …". */
export function validityWarning({ from, to }: Validity, now: Date): string | undefined {
  const leftMs = to.getTime() - now.getTime();
  if (leftMs < 0) return `expired on ${to.toISOString()}`;
  if (from > now) return `is not valid before ${from.toISOString()}`;
  if (leftMs > warnDays * dayMs) return undefined;
  const days = Math.floor(leftMs / dayMs);
  const left = days === 0 ? 'in less than a day' : days === 1 ? 'in one day' : `in ${days} days`;
  return `expires on ${to.toISOString()}, ${left}: renew it`;
}
