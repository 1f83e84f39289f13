// Recognises keys in the gateway's own format that verified before, by an HMAC instead of a bcrypt.
// Their secret has 155 bits, so a digest cannot be brute-forced. Remembers one key per hash; the
// policy decides what its entry allows.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { each, type Steps } from '../kernel/work/slices.ts';
import { ignore } from '../kernel/ignore.ts';

export interface KeyDigest {
  /** The bcrypt hash that the key belongs to, itself as an HMAC. */
  readonly entry: string;
  readonly digest: string;
}

/**
 * As a file with one line each, just below 1 MiB. Beyond this, the digest recognised longest ago is
 * dropped, which costs one more bcrypt.
 */
const defaultMaxDigests = 15_000;
const entryBytes = 16;

export class KeyDigests {
  readonly #secret: Buffer;
  readonly #maxDigests: number;
  readonly #digests = new Map<string, string>();
  /** Called after each change; set by the store that persists them. */
  changed: () => void = ignore;

  /** `kept`: from earlier processes with the same secret, most recent last. */
  constructor(options: {
    readonly secret: Buffer;
    readonly kept?: readonly KeyDigest[];
    readonly maxDigests?: number;
  }) {
    this.#secret = options.secret;
    this.#maxDigests = options.maxDigests ?? defaultMaxDigests;
    for (const kept of options.kept ?? []) this.#put(kept);
  }

  /**
   * Adds digests of earlier processes with the same secret. They count as more recent than the
   * present ones. Most recent last.
   */
  restore(kept: readonly KeyDigest[]): Steps<void> {
    return each(kept, (one) => {
      this.#put(one);
    });
  }

  /** Most recent last. */
  get all(): readonly KeyDigest[] {
    return Array.from(this.#digests, ([entry, digest]) => ({ entry, digest }));
  }

  /** Whether this key verified against this hash before. */
  has(bcrypt: string, key: string): boolean {
    const entry = this.#entryOf(bcrypt);
    const digest = this.#digests.get(entry);
    if (digest === undefined) return false;
    const isSame = timingSafeEqual(Buffer.from(digest, 'base64url'), this.#hmac(`key\0${bcrypt}\0${key}`));
    if (isSame) this.#put({ entry, digest });
    return isSame;
  }

  /** Remembers that the key verified against the hash. */
  add(bcrypt: string, key: string): void {
    const digest = this.#hmac(`key\0${bcrypt}\0${key}`).toString('base64url');
    this.#put({ entry: this.#entryOf(bcrypt), digest });
    this.changed();
  }

  #put({ entry, digest }: KeyDigest): void {
    this.#digests.delete(entry);
    this.#digests.set(entry, digest);
    for (const oldest of this.#digests.keys()) {
      if (this.#digests.size <= this.#maxDigests) break;
      this.#digests.delete(oldest);
    }
  }

  #entryOf(bcrypt: string): string {
    return this.#hmac(`entry\0${bcrypt}`).toString('base64url', 0, entryBytes);
  }

  #hmac(text: string): Buffer {
    return createHmac('sha256', this.#secret).update(text).digest();
  }
}
