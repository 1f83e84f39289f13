// The lease table: which leases exist, who holds each and until when. The clock is passed in,
// holders are opaque and signatures are verified by the caller. A lease lasts for a duration, so
// clock differences and clock steps do not end it. Every lookup checks expiry exactly; sweeping
// only frees memory.
import type { Clock } from '../kernel/clock.ts';
import { foldName, leaseIdIn, sharedLeaseNames } from '../kernel/lease-name.ts';
import { encodeListEntry } from '../portal/packets/lease-list-writer.ts';
import type { WireLease } from '../portal/packets/wire-types.ts';
import type { LeaseDropReason } from './relay-event.ts';
import type { RelayLimits } from './relay-limits.ts';

export interface LeaseRecord<Holder> {
  readonly id: string;
  readonly lease: WireLease;
  readonly holder: Holder;
  /** The address of the holder: leases and bytes are also limited per address. */
  readonly address: string;
  /** Monotonic. */
  readonly expiresAtMs: number;
  /** The lease as encoded in the list. */
  readonly encoded: Uint8Array;
}

/** Leases and bytes of one address. */
interface Share {
  leases: number;
  bytes: number;
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
  | 'leases'
  | 'leasesPerConnection'
  | 'leasesPerAddress'
  | 'directoryBytes'
  | 'nameBytes'
  | 'alpnCount'
  | 'alpnBytes'
  | 'metadataBytes'
>;

/**
 * The share of `directoryBytes` for one address: a few leases with much metadata must not exclude
 * others.
 */
const addressShareOfBytes = 1 / 4;

export class LeaseTable<Holder> {
  readonly #clock: Clock;
  readonly #limits: TableLimits;
  readonly #dropped: (record: LeaseRecord<Holder>, reason: LeaseDropReason) => void;
  readonly #byId = new Map<string, LeaseRecord<Holder>>();
  /**
   * By folded name, because gateways compare names folded. Names that several leases may share are
   * absent.
   */
  readonly #idByName = new Map<string, string>();
  readonly #idsByHolder = new Map<Holder, Set<string>>();
  readonly #shares = new Map<string, Share>();
  #bytes = 0;
  /** No lease expires before this time. */
  #nextExpiryMs = Infinity;
  /** Changes whenever the result of list() changes. */
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

  /**
   * The lease lasts `lastsMs` from now. The last registration of an identity wins, regardless of
   * the previous holder.
   */
  register(id: string, lease: WireLease, lastsMs: number, holder: Holder, address = ''): RegisterOutcome {
    this.sweep();
    if (lastsMs <= 0) return 'expired';
    const expiresAtMs = this.#clock.monotonicMs() + lastsMs;
    const before = this.#byId.get(id);
    const fault = this.#faultOf(lease, id);
    if (fault !== undefined) return fault;
    const record = { id, lease, holder, address, expiresAtMs, encoded: encodeListEntry(lease) };
    if (!this.#hasRoomFor(record, before)) return 'too_many_leases';
    if (before !== undefined) this.#remove(before);
    this.#add(record);
    if (before === undefined) return 'registered';
    if (before.holder === holder) return 'renewed';
    this.#dropped(before, 'moved');
    return 'registered';
  }

  /**
   * Only the holder may delete: a replayed request must not remove a lease from another connection.
   */
  delete(id: string, holder: Holder): boolean {
    const record = this.find(id);
    if (record?.holder !== holder) return false;
    this.#drop(record, 'deleted');
    return true;
  }

  find(id: string): LeaseRecord<Holder> | undefined {
    const record = this.#byId.get(id);
    if (record === undefined || record.expiresAtMs > this.#clock.monotonicMs()) return record;
    this.#drop(record, 'expired');
    return undefined;
  }

  list(): WireLease[] {
    this.sweep();
    return Array.from(this.#byId.values(), (record) => record.lease);
  }

  /** In the same order as list(). */
  encoded(): Uint8Array[] {
    this.sweep();
    return Array.from(this.#byId.values(), ({ encoded }) => encoded);
  }

  dropHolder(holder: Holder): void {
    for (const id of [...(this.#idsByHolder.get(holder) ?? [])]) {
      const record = this.#byId.get(id);
      if (record !== undefined) this.#drop(record, 'connection_lost');
    }
  }

  sweep(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < this.#nextExpiryMs) return;
    this.#nextExpiryMs = Infinity;
    for (const record of [...this.#byId.values()]) {
      if (record.expiresAtMs <= nowMs) this.#drop(record, 'expired');
      else this.#nextExpiryMs = Math.min(this.#nextExpiryMs, record.expiresAtMs);
    }
  }

  #faultOf(lease: WireLease, id: string): RegisterOutcome | undefined {
    const limits = this.#limits;
    // Clients ignore a lease whose name looks like a lease id, because it could impersonate that
    // lease.
    if (Buffer.byteLength(lease.name) > limits.nameBytes || leaseIdIn(lease.name) !== undefined) return 'bad_name';
    if (lease.alpn.length > limits.alpnCount || lease.alpn.some((alpn) => Buffer.byteLength(alpn) > limits.alpnBytes))
      return 'bad_alpn';
    if (Buffer.byteLength(lease.metadata) > limits.metadataBytes) return 'metadata_too_large';
    return (this.#idByName.get(foldName(lease.name)) ?? id) === id ? undefined : 'name_taken';
  }

  #hasRoomFor({ holder, address, encoded }: LeaseRecord<Holder>, before: LeaseRecord<Holder> | undefined): boolean {
    const limits = this.#limits;
    const share = this.#shares.get(address) ?? { leases: 0, bytes: 0 };
    const isNewHere = before?.holder !== holder;
    const isNewThere = before?.address !== address;
    const bytes = encoded.length - (before?.encoded.length ?? 0);
    const shareBytes = share.bytes + (isNewThere ? encoded.length : bytes);
    return (
      (before !== undefined || this.#byId.size < limits.leases) &&
      (!isNewHere || (this.#idsByHolder.get(holder)?.size ?? 0) < limits.leasesPerConnection) &&
      (!isNewThere || share.leases < limits.leasesPerAddress) &&
      shareBytes <= limits.directoryBytes * addressShareOfBytes &&
      this.#bytes + bytes <= limits.directoryBytes
    );
  }

  #add(record: LeaseRecord<Holder>): void {
    this.#byId.set(record.id, record);
    const name = foldName(record.lease.name);
    if (!sharedLeaseNames.has(name)) this.#idByName.set(name, record.id);
    const held = this.#idsByHolder.get(record.holder);
    if (held === undefined) this.#idsByHolder.set(record.holder, new Set([record.id]));
    else held.add(record.id);
    this.#bytes += record.encoded.length;
    const share = this.#shares.get(record.address) ?? { leases: 0, bytes: 0 };
    share.leases += 1;
    share.bytes += record.encoded.length;
    this.#shares.set(record.address, share);
    this.#nextExpiryMs = Math.min(this.#nextExpiryMs, record.expiresAtMs);
    this.version += 1;
  }

  #remove(record: LeaseRecord<Holder>): void {
    this.#byId.delete(record.id);
    const name = foldName(record.lease.name);
    if (this.#idByName.get(name) === record.id) this.#idByName.delete(name);
    const held = this.#idsByHolder.get(record.holder);
    held?.delete(record.id);
    if (held?.size === 0) this.#idsByHolder.delete(record.holder);
    this.#bytes -= record.encoded.length;
    const share = this.#shares.get(record.address);
    if (share !== undefined) {
      share.leases -= 1;
      share.bytes -= record.encoded.length;
      if (share.leases === 0) this.#shares.delete(record.address);
    }
    this.version += 1;
  }

  #drop(record: LeaseRecord<Holder>, reason: LeaseDropReason): void {
    this.#remove(record);
    this.#dropped(record, reason);
  }
}
