// Limits how many warnings of one kind are listed: a mistake in a generated configuration is
// repeated in every entry.
import type { Finding } from '../source/origin.ts';

const maxOfKind = 50;

/** The first ones of each kind, followed by a line with the number of the others. */
export function boundedByKind(findings: readonly Finding[]): Finding[] {
  const counts = new Map<string, number>();
  for (const { message } of findings) {
    const kind = kindOf(message);
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  const listed = new Map<string, number>();
  const bounded: Finding[] = [];
  for (const finding of findings) {
    const kind = kindOf(finding.message);
    const before = listed.get(kind) ?? 0;
    if (before === maxOfKind) continue;
    listed.set(kind, before + 1);
    bounded.push(finding);
    const leftOff = (counts.get(kind) ?? 0) - maxOfKind;
    if (before + 1 === maxOfKind && leftOff > 0) bounded.push(leftOffLine(leftOff));
  }
  return bounded;
}

function leftOffLine(leftOff: number): Finding {
  return { origin: undefined, message: `… and ${leftOff.toLocaleString('en')} more of this kind`, leftOff };
}

/**
 * The message without its variable parts: the setting at its beginning, names, numbers and
 * suggestions.
 */
function kindOf(message: string): string {
  return message
    .replace(/"(?:[^"\\]|\\.)*"/g, '""')
    .replace(/^\S+ /, '')
    .replace(/; did you mean .*$/, '')
    .replace(/\d+/g, '0');
}
