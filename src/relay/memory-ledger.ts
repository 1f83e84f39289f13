// The memory that the relay holds for its peers: one total, and one share of it for each address, whatever it is held for and over however
// many connections. Counts bytes, whatever they are.

export interface MemoryLimits {
  readonly memoryBytes: number;
  /** Of one address. A quarter of it while more than three quarters of the total are in use. */
  readonly memoryBytesPerAddress: number;
}

/** What is held for one address. */
export class MemoryAccount {
  readonly address: string;
  heldBytes = 0;
  /** Connections that use it. */
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

  /** The account of an address. leave() must follow, once. */
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
   * Holds more for an address, or for the two that are to blame for the same bytes: the sender, and the receiver that does not read.
   * False, and nothing is held, where that is more than a share or the total.
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

/** An amount that is held for one thing and changes: taken and given back as a whole. */
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

  /** Holds so many bytes from now on. False: so many more are not to be had, and it holds what it held. */
  hold(bytes: number): boolean {
    if (this.#released) return true;
    const more = bytes - this.#bytes;
    if (more > 0 && !this.#ledger.take(more, this.#account, this.#other)) return false;
    if (more < 0) this.#ledger.give(-more, this.#account, this.#other);
    this.#bytes = bytes;
    return true;
  }

  /** Idempotent. Nothing is held from now on. */
  release(): void {
    this.hold(0);
    this.#released = true;
  }
}
