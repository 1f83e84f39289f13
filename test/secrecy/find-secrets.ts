// Searches recorded output for secrets: marked ones, and any that are recognizable by their format.
// Reports where a secret is, never its value.
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { keyFormOf } from '../../src/auth/api-key.ts';
import { mark } from './marks.ts';
import type { RecordHead } from './recorded-output.ts';

interface Form {
  readonly what: string;
  readonly pattern: RegExp;
}

/** The mark as it is and in common encodings: base64 differs at each of three offsets. */
const encodedMarks = [
  mark,
  Buffer.from(mark).toString('hex'),
  ...[0, 1, 2].map((before) => {
    // Cuts characters that encode bits of neighbouring bytes.
    const text = Buffer.from('\0'.repeat(before) + mark).toString('base64url');
    return text.slice(before === 0 ? 0 : before + 1, Math.floor(((before + mark.length) * 4) / 3));
  }),
];

const forms: readonly Form[] = [
  { what: 'a marked secret', pattern: new RegExp(encodedMarks.join('|'), 'i') },
  { what: 'a hash of bcrypt', pattern: /\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}/ },
  // PEM; PKCS #8 of Ed25519 and X25519 in base64; a JWK.
  { what: 'a private key', pattern: /PRIVATE KEY-----|MC4CAQAwBQYDK2V[uw]BCIEI|"d": ?"[\w-]{43}"/ },
];
const anyKey = /sk_(?:live|test)_[0-9A-Za-z]{48}(?![0-9A-Za-z])/g;

/**
 * Output that is meant to show a secret: these commands, on stdout, in a line with nothing else.
 */
const shown: readonly { readonly command: RegExp; readonly line: RegExp }[] = [
  { command: /^keys (?:create|rotate)\b/, line: /^sk_(?:live|test)_[0-9A-Za-z]{48}$/ },
  { command: /^keys hash\b/, line: /^(?:- id: .*| {2}key_hash: \S+|\{"id":"[^"]*","key_hash":"[^"]*".*\})$/ },
  // One object, whose member `key` is the key unless a file has it.
  {
    command: /^(?:keys (?:create|rotate)|init)\b.* --json\b/,
    line: /^\{(?:(?!sk_(?:live|test)_[0-9A-Za-z]{48}).)*"key":"sk_(?:live|test)_[0-9A-Za-z]{48}"\}$/,
  },
  // `--key-file -`.
  { command: /^init\b/, line: /^sk_live_[0-9A-Za-z]{48}$/ },
  {
    command: /^dev\b/,
    line: /^(?:key {3}sk_test_[0-9A-Za-z]{48}|try {3}curl -H 'Authorization: Bearer sk_test_[0-9A-Za-z]{48}' \S+)$/,
  },
  {
    command: /^dev\b/,
    line: /^mcp {3}claude mcp add --transport http \S+ \S+ --header 'Authorization: Bearer sk_test_[0-9A-Za-z]{48}'$/,
  },
  // One object, whose members `key`, `curl` and `mcp` are the lines above.
  { command: /^dev\b.* --json\b/, line: /^\{"url":"[^"]*","path_url":"[^"]*","key":"sk_test_[0-9A-Za-z]{48}",.*\}$/ },
];

/** Describes the secret in a line; undefined when there is none. */
export function secretIn(line: string): string | undefined {
  const form = forms.find(({ pattern }) => pattern.test(line));
  if (form !== undefined) return form.what;
  // Only a valid checksum makes it a key: examples may look like one.
  return (line.match(anyKey) ?? []).some((key) => keyFormOf(key) === 'ours') ? 'an API key' : undefined;
}

function isMeant({ args, stream }: RecordHead, line: string): boolean {
  if (stream !== 'stdout') return false;
  const command = args.join(' ');
  return shown.some((exception) => exception.command.test(command) && exception.line.test(line));
}

/** Returns a line for each secret: which output it is in, and where that output is stored. */
export async function findSecrets(directory: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const name of await readdir(directory)) {
    const file = join(directory, name);
    let head: RecordHead | undefined;
    let number = 0;
    for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
      number += 1;
      if (head === undefined) {
        head = JSON.parse(line) as RecordHead;
        continue;
      }
      const what = secretIn(line);
      if (what === undefined || isMeant(head, line)) continue;
      found.push(`${head.test}: ${what} in ${head.stream}${commandOf(head)} (${file}:${number})`);
    }
  }
  return found;
}

/** Only the names of command and subcommand: an option may be the secret. */
function commandOf({ args }: RecordHead): string {
  const words = args.filter((word) => /^[a-z]+$/.test(word)).slice(0, 2);
  return args.length === 0 ? '' : ` of "${words.join(' ')}"`;
}
