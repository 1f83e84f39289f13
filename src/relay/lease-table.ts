// Owns which leases exist, who holds each and until when. Pure: time is asked of a clock, holders are opaque, signatures were
// checked before. Expiry is exact on every question; sweeping only frees memory.
import type { Clock } from '../kernel/clock.ts';
import type { WireLease } from '../portal/packets/wire-types.ts';
import type { LeaseDropReason } from './events.ts';
import type { RelayLimits } from './limits.ts';

export interface LeaseRecord<Holder> {
  readonly id: string;
  readonly lease: WireLease;
  readonly holder: Holder;
  readonly expiresAtMs: number;
  /** What the lease takes in an info answer, roughly. */
  readonly bytes: number;
}

export type RegisterOutcome =
  | 'registered'
  | 'renewed'
  | 'expired'
  | 'bad_name'
  | 'bad_alpn'
  | 'metadata_too_large'
  | 'name_taken'
  | 'too_many_leases';

type TableLimits = Pick<
  RelayLimits,
  'leases' | 'leasesPerConnection' | 'directoryBytes' | 'nameBytes' | 'alpnCount' | 'alpnBytes' | 'metadataBytes'
>;

/** Any number of leases may have these names (portal-protocol §3). */
const sharedNames: ReadonlySet<string> = new Set(['', '(unnamed)']);
/** Id, key, expiry and framing of a lease in an info answer. */
const fixedLeaseBytes = 96;

export class LeaseTable<Holder> {
  readonly #clock: Clock;
  readonly #limits: TableLimits;
  readonly #dropped: (record: LeaseRecord<Holder>, reason: LeaseDropReason) => void;
  readonly #byId = new Map<string, LeaseRecord<Holder>>();
  /** Case-sensitive, as real relays compare. Shared names are not in it. */
  readonly #idByName = new Map<string, string>();
  readonly #idsByHolder = new Map<Holder, Set<string>>();
  #bytes = 0;
  /** No lease expires before. */
  #nextExpiryMs = Infinity;
  /** Changes with every change of what list() gives. */
  version = 0;

  constructor(
    clock: Clock,
    limits: TableLimits,
    dropped: (record: LeaseRecord<Holder>, reason: LeaseDropReason) => void,
  ) {
    this.#clock = clock;
    this.#limits = limits;
    this.#dropped = dropped;
  }

  get size(): number {
    return this.#byId.size;
  }

  /** The last registration of an identity wins, whoever held the lease before. */
  register(id: string, lease: WireLease, holder: Holder): RegisterOutcome {
    this.sweep();
    const expiresAtMs = Number(lease.expires) * 1_000;
    if (expiresAtMs <= this.#clock.wallMs()) return 'expired';
    const before = this.#byId.get(id);
    const record = { id, lease, holder, expiresAtMs, bytes: listedBytes(lease) };
    const fault = this.#faultOf(record, before);
    if (fault !== undefined) return fault;
    if (before !== undefined) this.#remove(before);
    this.#add(record);
    if (before === undefined) return 'registered';
    if (before.holder === holder) return 'renewed';
    this.#dropped(before, 'moved');
    return 'registered';
  }

  /** Only the holder may: a recorded request must not take a lease away from another connection. */
  delete(id: string, holder: Holder): boolean {
    const record = this.find(id);
    if (record?.holder !== holder) return false;
    this.#drop(record, 'deleted');
    return true;
  }

  find(id: string): LeaseRecord<Holder> | undefined {
    const record = this.#byId.get(id);
    if (record === undefined || record.expiresAtMs > this.#clock.wallMs()) return record;
    this.#drop(record, 'expired');
    return undefined;
  }

  list(): WireLease[] {
    this.sweep();
    return Array.from(this.#byId.values(), (record) => record.lease);
  }

  dropHolder(holder: Holder): void {
    for (const id of [...(this.#idsByHolder.get(holder) ?? [])]) {
      const record = this.#byId.get(id);
      if (record !== undefined) this.#drop(record, 'connection_lost');
    }
  }

  sweep(): void {
    const nowMs = this.#clock.wallMs();
    if (nowMs < this.#nextExpiryMs) return;
    this.#nextExpiryMs = Infinity;
    for (const record of [...this.#byId.values()]) {
      if (record.expiresAtMs <= nowMs) this.#drop(record, 'expired');
      else this.#nextExpiryMs = Math.min(this.#nextExpiryMs, record.expiresAtMs);
    }
  }

  #faultOf(record: LeaseRecord<Holder>, before: LeaseRecord<Holder> | undefined): RegisterOutcome | undefined {
    const { id, lease, holder } = record;
    const limits = this.#limits;
    if (Buffer.byteLength(lease.name) > limits.nameBytes) return 'bad_name';
    if (lease.alpn.length > limits.alpnCount || lease.alpn.some((alpn) => Buffer.byteLength(alpn) > limits.alpnBytes))
      return 'bad_alpn';
    if (Buffer.byteLength(lease.metadata) > limits.metadataBytes) return 'metadata_too_large';
    const nameHolder = this.#idByName.get(lease.name);
    if (nameHolder !== undefined && nameHolder !== id) return 'name_taken';
    const isNewHere = before?.holder !== holder;
    const heldHere = this.#idsByHolder.get(holder)?.size ?? 0;
    if (
      (before === undefined && this.#byId.size >= limits.leases) ||
      (isNewHere && heldHere >= limits.leasesPerConnection) ||
      this.#bytes - (before?.bytes ?? 0) + record.bytes > limits.directoryBytes
    )
      return 'too_many_leases';
    return undefined;
  }

  #add(record: LeaseRecord<Holder>): void {
    this.#byId.set(record.id, record);
    if (!sharedNames.has(record.lease.name)) this.#idByName.set(record.lease.name, record.id);
    const held = this.#idsByHolder.get(record.holder);
    if (held === undefined) this.#idsByHolder.set(record.holder, new Set([record.id]));
    else held.add(record.id);
    this.#bytes += record.bytes;
    this.#nextExpiryMs = Math.min(this.#nextExpiryMs, record.expiresAtMs);
    this.version += 1;
  }

  #remove(record: LeaseRecord<Holder>): void {
    this.#byId.delete(record.id);
    if (this.#idByName.get(record.lease.name) === record.id) this.#idByName.delete(record.lease.name);
    const held = this.#idsByHolder.get(record.holder);
    held?.delete(record.id);
    if (held?.size === 0) this.#idsByHolder.delete(record.holder);
    this.#bytes -= record.bytes;
    this.version += 1;
  }

  #drop(record: LeaseRecord<Holder>, reason: LeaseDropReason): void {
    this.#remove(record);
    this.#dropped(record, reason);
  }
}

function listedBytes(lease: WireLease): number {
  const alpnBytes = lease.alpn.reduce((sum, alpn) => sum + Buffer.byteLength(alpn) + 2, 0);
  return fixedLeaseBytes + Buffer.byteLength(lease.name) + Buffer.byteLength(lease.metadata) + alpnBytes;
}
