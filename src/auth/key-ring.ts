// Owns the keys of one policy and how those that a presented key may be are found: by what it begins with, in a time that does not
// grow with their number. Compares nothing.
import { atOnce, type Steps } from '../kernel/work/slices.ts';
import type { KeyPolicy } from '../policy/policy.ts';
import { formOf, prefixCharacters } from './api-key.ts';
import { costs, bcryptCost, maxKeyBytes } from './bcrypt-hash.ts';

export interface Candidates {
  /** At most 4 without a prefix, and those that share one: all others can't be this key. */
  readonly keys: readonly KeyPolicy[];
  /** One of them is there for what the key begins with: for a key of our own form, its key id. */
  readonly named: boolean;
  /** The form of the key, or its length, shows that it is none of them: nothing needs to be computed to refuse it. */
  readonly hopeless: boolean;
}

const hopeless: Candidates = { keys: [], named: false, hopeless: true };

export class KeyRing {
  /** A key that is known by its digest is found by it. */
  readonly #byDigest = new Map<string, KeyPolicy>();
  readonly #byHash = new Map<string, KeyPolicy>();
  readonly #byPrefix = new Map<string, KeyPolicy[]>();
  readonly #prefixLengths: number[] = [];
  readonly #unprefixed: KeyPolicy[] = [];
  /** How many keys are hashed at which cost. */
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

  /** The cost at which a key that is nobody's is hashed, so that it takes as long as one that is. */
  get cost(): number {
    return this.#cost;
  }

  /** False: no key needs bcrypt, and a wrong one costs none. */
  get hashes(): boolean {
    return this.#byHash.size > 0;
  }

  withDigest(sha256: string): KeyPolicy | undefined {
    return this.#byDigest.get(sha256);
  }

  /** The entry whose hash a key was verified against before, as it is in this policy. */
  withHash(bcrypt: string): KeyPolicy | undefined {
    return this.#byHash.get(bcrypt);
  }

  /** Any token may be a key without a prefix; only its bcrypt would tell. */
  get hasUnprefixed(): boolean {
    return this.#unprefixed.length > 0;
  }

  /** Of the gateway's own form, whatever its check and key id, or with the prefix of an entry: meant for this gateway. */
  isOurs(token: string): boolean {
    return formOf(token) !== 'foreign' || this.withPrefixOf(token).length > 0;
  }

  /** The key id that failures are counted under: the longest prefix of an entry, else as many characters as a key id has. */
  keyIdOf(key: string): string {
    const lengths = this.#prefixLengths.filter((length) => this.#byPrefix.has(key.slice(0, length)));
    return key.slice(0, Math.max(0, ...lengths) || prefixCharacters);
  }

  /** The entries whose prefix the key begins with. */
  withPrefixOf(key: string): readonly KeyPolicy[] {
    return this.#prefixLengths.flatMap((length) => {
      return length <= key.length ? (this.#byPrefix.get(key.slice(0, length)) ?? []) : [];
    });
  }

  candidates(key: string): Candidates {
    if (key === '' || Buffer.byteLength(key) > maxKeyBytes) return hopeless;
    const keys = [...this.#unprefixed, ...this.withPrefixOf(key)];
    const form = formOf(key);
    if (form === 'ours') return { keys, named: keys.some(hasHandle), hopeless: false };
    if (form === 'foreign') return { keys, named: keys.some(hasPrefix), hopeless: false };
    // A mistyped key of our own form can only be one that was made elsewhere and looks the same.
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
