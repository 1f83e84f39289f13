// Counts what each caller holds, and decides whether a caller is below its share. A caller is
// identified by its key, lease, tenant and address; it is below its share when all four are.

/** Fields are undefined where they do not apply: anonymous callers have no key. */
export interface Caller {
  readonly key: string | undefined;
  readonly lease: string;
  readonly tenant: string | undefined;
  /** An IPv4 address or an IPv6 network of 64 bits. */
  readonly address: string;
}

/** What one key, lease, tenant or address may hold under contention. */
export interface ShareLimits {
  readonly perKey: number;
  readonly perLease: number;
  readonly perTenant: number;
  readonly perAddress: number;
}

/** Names whose count drops to zero are deleted, so the table is bounded by what is held. */
export class Shares {
  readonly #keys = new Map<string, number>();
  readonly #leases = new Map<string, number>();
  readonly #tenants = new Map<string, number>();
  readonly #addresses = new Map<string, number>();

  add(caller: Caller): void {
    change(this.#keys, caller.key, 1);
    change(this.#leases, caller.lease, 1);
    change(this.#tenants, caller.tenant, 1);
    change(this.#addresses, caller.address, 1);
  }

  remove(caller: Caller): void {
    change(this.#keys, caller.key, -1);
    change(this.#leases, caller.lease, -1);
    change(this.#tenants, caller.tenant, -1);
    change(this.#addresses, caller.address, -1);
  }

  isBelow({ key, lease, tenant, address }: Caller, limits: ShareLimits): boolean {
    return (
      countOf(this.#keys, key) < limits.perKey &&
      countOf(this.#leases, lease) < limits.perLease &&
      countOf(this.#tenants, tenant) < limits.perTenant &&
      countOf(this.#addresses, address) < limits.perAddress
    );
  }

  /** Number of names in the table. */
  get size(): number {
    return this.#keys.size + this.#leases.size + this.#tenants.size + this.#addresses.size;
  }
}

function countOf(counts: ReadonlyMap<string, number>, name: string | undefined): number {
  return name === undefined ? 0 : (counts.get(name) ?? 0);
}

function change(counts: Map<string, number>, name: string | undefined, by: 1 | -1): void {
  if (name === undefined) return;
  const count = (counts.get(name) ?? 0) + by;
  if (count === 0) counts.delete(name);
  else counts.set(name, count);
}
