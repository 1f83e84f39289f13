// Memory accounting: one total and one share for each address, over all its connections and
// purposes. Counts bytes only.

export interface MemoryLimits {
  readonly memoryBytes: number;
  /** For one address. A quarter of it while more than three quarters of the total are in use. */
  readonly memoryBytesPerAddress: number;
}

/** Memory held for one address. */
export class MemoryAccount {
  readonly address: string;
  heldBytes = 0;
  /** Connections that use this account. */
  users = 0;

  constructor(address: string) {
    this.address = address;
  }
}

export class MemoryLedger {
  readonly #limits: MemoryLimits;
  readonly #accounts = new Map<string, MemoryAccount>();
  #heldBytes = 0;

  constructor(limits: MemoryLimits) {
    this.#limits = limits;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  get addresses(): number {
    return this.#accounts.size;
  }

  /** Returns the account of an address. Each call must be followed by one leave(). */
  enter(address: string): MemoryAccount {
    const account = this.#accounts.get(address) ?? new MemoryAccount(address);
    this.#accounts.set(address, account);
    account.users += 1;
    return account;
  }

  leave(account: MemoryAccount): void {
    account.users -= 1;
    this.#forget(account);
  }

  /**
   * Charges bytes to one account, or to two that share responsibility: the sender, and the receiver
   * that does not read. Returns false and charges nothing if a share or the total would be
   * exceeded.
   */
  take(bytes: number, account: MemoryAccount, other: MemoryAccount = account): boolean {
    const shareBytes = this.#shareBytes(this.#heldBytes + bytes);
    if (this.#heldBytes + bytes > this.#limits.memoryBytes) return false;
    if (account.heldBytes + bytes > shareBytes || other.heldBytes + bytes > shareBytes) return false;
    this.#heldBytes += bytes;
    account.heldBytes += bytes;
    if (other !== account) other.heldBytes += bytes;
    return true;
  }

  give(bytes: number, account: MemoryAccount, other: MemoryAccount = account): void {
    this.#heldBytes -= bytes;
    account.heldBytes -= bytes;
    if (other !== account) other.heldBytes -= bytes;
    this.#forget(account);
    this.#forget(other);
  }

  #shareBytes(heldBytes: number): number {
    const { memoryBytes, memoryBytesPerAddress } = this.#limits;
    return heldBytes > 0.75 * memoryBytes ? memoryBytesPerAddress / 4 : memoryBytesPerAddress;
  }

  #forget(account: MemoryAccount): void {
    if (account.users === 0 && account.heldBytes === 0) this.#accounts.delete(account.address);
  }
}

/** A variable amount held for one object and released as a whole. */
export class HeldMemory {
  readonly #ledger: MemoryLedger;
  readonly #account: MemoryAccount;
  readonly #other: MemoryAccount;
  #bytes = 0;
  #released = false;

  constructor(ledger: MemoryLedger, account: MemoryAccount, other: MemoryAccount = account) {
    this.#ledger = ledger;
    this.#account = account;
    this.#other = other;
  }

  /**
   * Changes the held amount to `bytes`. Returns false and keeps the old amount if a limit would be
   * exceeded.
   */
  hold(bytes: number): boolean {
    if (this.#released) return true;
    const more = bytes - this.#bytes;
    if (more > 0 && !this.#ledger.take(more, this.#account, this.#other)) return false;
    if (more < 0) this.#ledger.give(-more, this.#account, this.#other);
    this.#bytes = bytes;
    return true;
  }

  /** Idempotent. Later calls of hold() have no effect. */
  release(): void {
    this.hold(0);
    this.#released = true;
  }
}
