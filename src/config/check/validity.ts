// Reports certificates that are not valid or expire soon. Pure: the clock is an argument.
import type { X509Certificate } from 'node:crypto';

/** Of one certificate, or of several that are used together. */
export interface Validity {
  readonly from: Date;
  readonly to: Date;
}

const dayMs = 86_400_000;
/**
 * ACME certificates are renewed 30 days before they expire, so at 14 days the renewal is failing.
 */
const warnDays = 14;

/** A chain is valid while each of its certificates is valid. */
export function earliestOf(certificates: readonly X509Certificate[]): Validity {
  const ends = certificates.map(({ validToDate }) => validToDate.getTime());
  const begins = certificates.map(({ validFromDate }) => validFromDate.getTime());
  return { from: new Date(Math.max(...begins)), to: new Date(Math.min(...ends)) };
}

/** A bundle of trusted authorities is useful while one of them is valid. */
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
