// Persists the digests of verified keys: a file of one line each, and beside it the secret that
// they are made with. Losing either costs each key one bcrypt and nothing else, so nothing waits
// for a write and no error stops the gateway.
import { randomBytes } from 'node:crypto';
import { chmod } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type KeyDigest, KeyDigests } from '../auth/key-digests.ts';
import { readConfigFile } from '../config/source/read-file.ts';
import { linesOf } from '../kernel/files/lines.ts';
import { Slices, type Steps } from '../kernel/work/slices.ts';
import { makePrivateDirectory } from '../kernel/files/state-place.ts';
import { withFileLock } from './file-lock.ts';
import { replaceFile } from './write-file.ts';

const secretBytes = 32;
/** A first verification is rare, and a crash within this time costs the key one more bcrypt. */
const defaultWriteAfterMs = 2_000;
const ownerOnly = 0o600;
/** KeyDigests keeps slightly less. */
const maxDigestBytes = 1024 * 1024;
/** 16 and 32 bytes in base64url. */
const lineForm = /^[\w-]{22} [\w-]{43}$/;

export interface KeptKeyDigests {
  readonly digests: KeyDigests;
  /** Writes pending changes. Never rejects. Idempotent. */
  close(): Promise<void>;
}

type Warn = (message: string, error: unknown) => void;

export async function openKeyDigests(
  path: string,
  warn: Warn,
  writeAfterMs: number = defaultWriteAfterMs,
): Promise<KeptKeyDigests> {
  const file = new KeyDigestsFile(path, warn, writeAfterMs);
  await file.load();
  return file;
}

class KeyDigestsFile implements KeptKeyDigests {
  digests: KeyDigests;
  readonly #path: string;
  readonly #warn: Warn;
  readonly #writeAfterMs: number;
  #secret: Buffer = randomBytes(secretBytes);
  #timer: NodeJS.Timeout | undefined = undefined;
  #writing: Promise<void> = Promise.resolve();
  #changed = false;
  #warned = false;

  constructor(path: string, warn: Warn, writeAfterMs: number) {
    this.#path = path;
    this.#warn = warn;
    this.#writeAfterMs = writeAfterMs;
    this.digests = new KeyDigests({ secret: this.#secret });
  }

  /** Loads the readable digests, even where none can be written. */
  async load(): Promise<void> {
    try {
      const secret = await readSecret(this.#secretPath);
      if (secret !== undefined) {
        // Set before the digests are read: if that fails, new digests use the existing secret.
        this.#secret = secret;
        this.digests = new KeyDigests({ secret });
        this.digests = new KeyDigests({ secret, kept: await readDigests(this.#path) });
      }
    } catch (error) {
      this.#fail('cannot read the digests of verified keys; each key is verified once more', error);
    }
    this.digests.changed = () => {
      this.#changed = true;
      this.#timer ??= setTimeout(() => void this.#flush(), this.#writeAfterMs).unref();
    };
  }

  async close(): Promise<void> {
    await this.#flush();
  }

  get #secretPath(): string {
    return `${this.#path}.secret`;
  }

  #flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  async #write(): Promise<void> {
    if (!this.#changed) return;
    this.#changed = false;
    try {
      await makePrivateDirectory(dirname(this.#path));
      await withFileLock(this.#path, async () => {
        await this.#keepSecret();
        // Other gateways may share the file.
        const others = await readDigests(this.#path).catch(() => []);
        await this.#replace(this.#path, await new Slices().run(this.#textWith(others)));
      });
      this.#warned = false;
    } catch (error) {
      this.#fail('cannot write the digests of verified keys; after a restart each key is verified again', error);
    }
  }

  *#textWith(others: readonly KeyDigest[]): Steps<string> {
    const merged = new KeyDigests({ secret: this.#secret });
    yield* merged.restore(others);
    yield* merged.restore(this.digests.all);
    const lines: string[] = [];
    for (const { entry, digest } of merged.all) {
      lines.push(`${entry} ${digest}\n`);
      yield;
    }
    return lines.join('');
  }

  /** The first gateway with something to write creates the secret. */
  async #keepSecret(): Promise<void> {
    const kept = await readSecret(this.#secretPath);
    if (kept === undefined) await this.#replace(this.#secretPath, `${this.#secret.toString('base64url')}\n`);
    else if (!kept.equals(this.#secret)) throw new Error(`${this.#secretPath} belongs to another gateway`);
  }

  async #replace(path: string, text: string): Promise<void> {
    await replaceFile(path, text);
    // replaceFile() keeps the mode of the old file.
    await chmod(path, ownerOnly);
  }

  /** Warns once until a write succeeds. */
  #fail(message: string, error: unknown): void {
    if (!this.#warned) this.#warn(message, error);
    this.#warned = true;
  }
}

/**
 * Returns undefined when there is no file. Rejects when other users may access the file, or when it
 * holds no secret.
 */
async function readSecret(path: string): Promise<Buffer | undefined> {
  const text = await readPrivate(path, 'the key digest secret');
  if (text === undefined) return undefined;
  const secret = Buffer.from(text.trim(), 'base64url');
  if (secret.length !== secretBytes) throw new Error(`${path} does not contain a secret: remove it`);
  return secret;
}

async function readDigests(path: string): Promise<readonly KeyDigest[]> {
  const text = (await readPrivate(path, 'the key digest file')) ?? '';
  return new Slices().run(digestsIn(text));
}

function* digestsIn(text: string): Steps<readonly KeyDigest[]> {
  const digests: KeyDigest[] = [];
  for (const line of linesOf(text)) {
    yield;
    if (!lineForm.test(line)) continue;
    const [entry = '', digest = ''] = line.split(' ');
    digests.push({ entry, digest });
  }
  return digests;
}

async function readPrivate(path: string, what: string): Promise<string | undefined> {
  const reading = await readConfigFile(path, { what: `${what} ${path}`, privacy: 'secret', maxBytes: maxDigestBytes });
  if ('text' in reading) return reading.text;
  if (reading.missing === true) return undefined;
  throw new Error(reading.fault);
}
