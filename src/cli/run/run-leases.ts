// Implements `leases`: prints what a relay offers as a table or as JSON. All text from apps is
// untrusted.
import { leaseNamesPath } from '../../config/source/state-directory.ts';
import { foldName, sharedLeaseNames } from '../../kernel/lease-name.ts';
import { distinctName, printable, printableJson } from '../../kernel/printable.ts';
import { administeredUser } from '../../kernel/files/private-file.ts';
import type { PortalLease } from '../../portal/index.ts';
import type { CliContext } from '../context.ts';
import { readLeaseNames } from '../../gateway/lease-names-file.ts';
import { listedLeases, type RelayOptions } from './listed-leases.ts';
import { writeTable } from '../table.ts';
import type { Terminal } from '../terminal.ts';

const maxNameCharacters = 40;
const maxDescriptionCharacters = 60;

export interface LeasesOptions extends RelayOptions {
  readonly json?: boolean;
}

export async function leases(options: LeasesOptions, context: CliContext): Promise<void> {
  const { terminal } = context;
  const { leases: listed, ignored, relay } = await listedLeases(options, context);
  const notes = await notesOf(listed, context);
  const rows = listed.map((lease) => rowOf(lease, notes(lease))).sort(byNameAndId);
  if (options.json === true) terminal.result(printableJson(rows));
  else if (rows.length === 0) terminal.note(`The relay ${relay} offers no leases.`);
  else writeLeases(rows, terminal);
  for (const [reason, count] of ignored)
    terminal.note(`${count} ${count === 1 ? 'entry' : 'entries'} of the list ignored: ${reason}`);
}

/** The warnings that a gateway would log about the name of a lease. */
async function notesOf(listed: readonly PortalLease[], context: CliContext): Promise<(lease: PortalLease) => string> {
  const counts = new Map<string, number>();
  for (const { name } of listed) counts.set(foldName(name), (counts.get(foldName(name)) ?? 0) + 1);
  // Written by gateways on this machine with `portal.name_binding: strict`. The file may be absent
  // or unreadable for this user.
  const file = leaseNamesPath(context.environment().stateDirectory);
  const { lines } = await readLeaseNames(file, 0, await administeredUser(file)).catch(() => ({ lines: [] }));
  const accepted = new Map(lines.map(({ name, id }) => [name, id] as const));
  return ({ name, id }) => {
    const folded = foldName(name);
    const known = accepted.get(folded);
    if (known !== undefined && known !== id) return `not accepted for this name (${known} is)`;
    const count = counts.get(folded) ?? 0;
    return count > 1 && !sharedLeaseNames.has(folded) ? `one of ${count} leases of this name` : '';
  };
}

function byNameAndId(a: Row, b: Row): number {
  return a.name.localeCompare(b.name) || a.id.localeCompare(b.id);
}

interface Row {
  readonly name: string;
  readonly id: string;
  readonly alpn: readonly string[];
  readonly expires_at: string;
  readonly description: string;
  /** Empty: the name is fine. */
  readonly note: string;
}

function rowOf(lease: PortalLease, note: string): Row {
  const { name, id, alpn, metadata, expiresAtMs } = lease;
  return { name, id, alpn, expires_at: timeOf(expiresAtMs), description: descriptionOf(metadata), note };
}

/** A relay may send any number, also one outside the range of Date. */
function timeOf(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? 'unknown' : date.toISOString().replace('.000Z', 'Z');
}

/** Metadata is JSON by convention only. */
function descriptionOf(metadata: string): string {
  try {
    const value: unknown = JSON.parse(metadata);
    if (typeof value !== 'object' || value === null || !('description' in value)) return '';
    return typeof value.description === 'string' ? value.description : '';
  } catch {
    return '';
  }
}

function writeLeases(rows: readonly Row[], terminal: Terminal): void {
  const hasNotes = rows.some(({ note }) => note !== '');
  const cells = rows.map(({ name, id, alpn, expires_at, description, note }) => [
    distinctName(name, maxNameCharacters),
    printable(id, maxNameCharacters),
    printable(alpn.join(','), maxNameCharacters),
    expires_at,
    printable(description, maxDescriptionCharacters),
    ...(hasNotes ? [note] : []),
  ]);
  const columns = ['NAME', 'ID', 'ALPN', 'EXPIRES', 'DESCRIPTION', ...(hasNotes ? ['NOTE'] : [])];
  writeTable(columns, cells, terminal);
}
