// The keys of one policy, and the look-up of the entries that a presented key may belong to: by
// prefix, in a time that does not grow with the number of keys. Compares nothing.
import { atOnce, type Steps } from '../kernel/work/slices.ts';
import { SubstringSet } from '../kernel/substring-set.ts';
import type { KeyPolicy } from '../policy/policy.ts';
import { keyFormOf, prefixCharacters } from './api-key.ts';
import { costs, bcryptCost, maxKeyBytes } from './bcrypt/bcrypt-hash.ts';

export interface Candidates {
  /**
   * The entries without a prefix (at most 4), and those whose prefix matches. The key cannot belong
   * to any other.
   */
  readonly keys: readonly KeyPolicy[];
  /** At least one entry was found by prefix; for a key in our own format, by its key id. */
  readonly named: boolean;
  /**
   * The format or the length of the key rules out every entry: it can be rejected without computing
   * anything.
   */
  readonly hopeless: boolean;
}

const hopeless: Candidates = { keys: [], named: false, hopeless: true };

export class KeyRing {
  /** SHA-256 of the key -> entry, for keys configured as a digest. */
  readonly #byDigest = new Map<string, KeyPolicy>();
  readonly #byHash = new Map<string, KeyPolicy>();
  readonly #byPrefix = new Map<string, KeyPolicy[]>();
  readonly #prefixLengths: number[] = [];
  readonly #unprefixed: KeyPolicy[] = [];
  readonly #prefixes = new SubstringSet();
  /** bcrypt cost -> number of entries. */
  readonly #costsInUse = new Map<number, number>();
  #cost: number = costs.default;

  constructor(keys: readonly KeyPolicy[]) {
    atOnce(this.#addAll(keys));
  }

  static *inSteps(keys: readonly KeyPolicy[]): Steps<KeyRing> {
    const made = new KeyRing([]);
    yield* made.#addAll(keys);
    return made;
  }

  *#addAll(keys: readonly KeyPolicy[]): Steps<void> {
    for (const key of keys) {
      this.#add(key);
      yield;
    }
    yield* this.#prefixes.addAll(this.#byPrefix.keys());
    const [[cost] = [costs.default]] = [...this.#costsInUse].sort(([, a], [, b]) => b - a);
    this.#cost = cost;
  }

  #add(key: KeyPolicy): void {
    const { secret } = key;
    if (secret.kind === 'digest') {
      this.#byDigest.set(secret.sha256, key);
      return;
    }
    this.#byHash.set(secret.bcrypt, key);
    const cost = bcryptCost(secret.bcrypt) ?? costs.default;
    this.#costsInUse.set(cost, (this.#costsInUse.get(cost) ?? 0) + 1);
    const { prefix } = secret;
    if (prefix === '') {
      this.#unprefixed.push(key);
      return;
    }
    const alike = this.#byPrefix.get(prefix);
    if (alike === undefined) this.#byPrefix.set(prefix, [key]);
    else alike.push(key);
    if (!this.#prefixLengths.includes(prefix.length)) this.#prefixLengths.push(prefix.length);
  }

  /** The cost for hashing an unknown key, so that it takes as long as a known one. */
  get cost(): number {
    return this.#cost;
  }

  /** False when no entry needs bcrypt, so that wrong keys cost none either. */
  get hashes(): boolean {
    return this.#byHash.size > 0;
  }

  withDigest(sha256: string): KeyPolicy | undefined {
    return this.#byDigest.get(sha256);
  }

  /** The entry in this policy for a hash that a key was verified against before. */
  withHash(bcrypt: string): KeyPolicy | undefined {
    return this.#byHash.get(bcrypt);
  }

  /** Any token may be a key without a prefix; only its bcrypt would tell. */
  get hasUnprefixed(): boolean {
    return this.#unprefixed.length > 0;
  }

  /**
   * In the gateway's own format, whatever its checksum and key id, or with the prefix of an entry:
   * meant for this gateway.
   */
  isOurs(token: string): boolean {
    return keyFormOf(token) !== 'foreign' || this.withPrefixOf(token).length > 0;
  }

  /**
   * The key id under which failures are counted: the longest matching prefix of an entry, or else
   * as many characters as a key id has.
   */
  keyIdOf(key: string): string {
    const lengths = this.#prefixLengths.filter((length) => this.#byPrefix.has(key.slice(0, length)));
    return key.slice(0, Math.max(0, ...lengths) || prefixCharacters);
  }

  /** Whether the prefix of an entry stands anywhere in the text. */
  hasPrefixIn(text: string): boolean {
    return this.#prefixes.hasAnyIn(text);
  }

  /** The entries whose prefix matches the key. */
  withPrefixOf(key: string): readonly KeyPolicy[] {
    return this.#prefixLengths.flatMap((length) => {
      return length <= key.length ? (this.#byPrefix.get(key.slice(0, length)) ?? []) : [];
    });
  }

  candidates(key: string): Candidates {
    if (key === '' || Buffer.byteLength(key) > maxKeyBytes) return hopeless;
    const keys = [...this.#unprefixed, ...this.withPrefixOf(key)];
    const form = keyFormOf(key);
    if (form === 'ours') return { keys, named: keys.some(hasHandle), hopeless: false };
    if (form === 'foreign') return { keys, named: keys.some(hasPrefix), hopeless: false };
    // A mistyped key in our own format can only match an entry made elsewhere that happens to look
    // the same.
    const foreign = keys.filter((entry) => !hasHandle(entry));
    return foreign.length === 0 ? hopeless : { keys: foreign, named: foreign.some(hasPrefix), hopeless: false };
  }
}

function hasHandle({ secret }: KeyPolicy): boolean {
  return secret.kind === 'bcrypt' && secret.prefix.length === prefixCharacters;
}

function hasPrefix({ secret }: KeyPolicy): boolean {
  return secret.kind === 'bcrypt' && secret.prefix !== '';
}
