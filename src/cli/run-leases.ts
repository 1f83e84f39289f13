// Owns `leases`: what a relay offers, as a table for people or as JSON. Everything that apps publish is untrusted text.
import { connect, createCredential, type PortalLease, type Session } from '../portal/index.ts';
import { printable, printableJson } from '../kernel/printable.ts';
import { CliFault } from './fault.ts';
import type { CliContext } from './context.ts';
import { writeTable } from './table.ts';
import type { Terminal } from './terminal.ts';

/** The answer comes in one round trip; a frozen relay gives none at all. */
const answerTimeoutMs = 10_000;
const mostNameCharacters = 40;
const mostDescriptionCharacters = 60;

export interface LeasesOptions {
  readonly relay?: string;
  readonly json?: boolean;
}

export async function leases(options: LeasesOptions, context: CliContext): Promise<void> {
  const { terminal } = context;
  const relay = options.relay ?? context.environment().relayUrl;
  // Nobody is dialled, so nobody needs to know who asks.
  const session = await connect(relay, { credential: createCredential(), signal: context.signal });
  try {
    const rows = (await offeredBy(session, context.signal)).map(rowOf).sort(byNameAndId);
    if (options.json === true) terminal.result(printableJson(rows));
    else if (rows.length === 0) terminal.note(`The relay ${relay} offers no leases.`);
    else writeLeases(rows, terminal);
  } finally {
    await session.close();
  }
}

async function offeredBy(session: Session, signal: AbortSignal): Promise<readonly PortalLease[]> {
  const timeout = AbortSignal.timeout(answerTimeoutMs);
  try {
    return (await session.info(AbortSignal.any([signal, timeout]))).leases;
  } catch (error) {
    if (!timeout.aborted) throw error;
    throw new CliFault(
      `the relay ${session.url} did not list its leases within ${answerTimeoutMs / 1000} s; is it frozen?`,
    );
  }
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
}

function rowOf(lease: PortalLease): Row {
  const { name, id, alpn, metadata, expiresAtMs } = lease;
  return { name, id, alpn, expires_at: timeOf(expiresAtMs), description: descriptionOf(metadata) };
}

/** A relay may say any number; not each is a date. */
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
  const cells = rows.map(({ name, id, alpn, expires_at, description }) => [
    printable(name, mostNameCharacters),
    printable(id, mostNameCharacters),
    printable(alpn.join(','), mostNameCharacters),
    expires_at,
    printable(description, mostDescriptionCharacters),
  ]);
  writeTable(['NAME', 'ID', 'ALPN', 'EXPIRES', 'DESCRIPTION'], cells, terminal);
}
