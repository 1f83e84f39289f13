// The names that `expose` publishes under. Relays accept any name; we require one that people can type into a path or a host name, and
// that is safe in log lines and file names.
import { leaseIdIn } from '../kernel/lease-name.ts';

/** Characters. Real relays set no limit; ours and every table that shows names want one. */
const maxLeaseNameLength = 128;

/** Undefined when the name is fine, else what is wrong with it. */
export function leaseNameFault(name: string): string | undefined {
  if (name === '') return 'the name is empty';
  const length = Array.from(name).length;
  if (length > maxLeaseNameLength) {
    return `the name has ${length} characters and at most ${maxLeaseNameLength} are allowed`;
  }
  // Relays and gateways ignore such a name: it could shadow another lease's id.
  if (leaseIdIn(name) !== undefined) return `"${name}" looks like a lease id, which a name must not`;
  const bad = /[^\p{L}\p{M}\p{N}_-]/u.exec(name);
  if (bad === null) return undefined;
  return `the name contains ${nameOfCharacter(bad[0])}; letters, digits, "-" and "_" are allowed`;
}

function nameOfCharacter(character: string): string {
  if (character === ' ') return 'a space';
  if (character === '/' || character === '\\') return `the path separator "${character}"`;
  const code = character.codePointAt(0) ?? 0;
  const hex = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
  if (/[\p{C}\p{Z}]/u.test(character)) return `the unprintable character ${hex}`;
  return `"${character}"`;
}
