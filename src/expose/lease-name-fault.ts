// The names that `expose` publishes under. Relays accept any name; `expose` requires one that users
// can type into a command, a path or a host name, and that is safe in log lines and file names.
import { leaseIdIn } from '../kernel/lease-name.ts';

/**
 * Maximum length in characters. Relays set no limit, but logs and tables that show names need one.
 */
const maxLeaseNameLength = 128;

/** Returns undefined for a valid name, otherwise the reason why it is invalid. */
export function leaseNameFault(name: string): string | undefined {
  if (name === '') return 'the name is empty';
  const length = Array.from(name).length;
  if (length > maxLeaseNameLength) {
    return `the name has ${length} characters, but at most ${maxLeaseNameLength} are allowed`;
  }
  if (name.startsWith('-')) return `"${name}" begins with "-", as options of commands do: begin with a letter or digit`;
  // Relays and gateways ignore such a name, because it could shadow the id of another lease.
  if (leaseIdIn(name) !== undefined) return `"${name}" has the format of a lease id, which is not allowed for a name`;
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
